-- A record made of a line: parsed, its time, level and message found, each field put where the schema wants it.
-- The same as the collector's processor `logrecord`, of which the tests' cases are run here too.
local hints = require("hints")
local json = require("json")
local place = require("place")
local regex = require("regex")
local times = require("times")
local words = require("words")
local record = {}

local function complained(d, kind)
  for _, problem in ipairs(d.problems) do
    if problem.kind == kind then
      return true
    end
  end
  return false
end

-- The fields of a line. One that does not fit is kept whole as the message, and says so.
local function parse(d, line)
  if d.source.format == "json" then
    local members = json.object(line)
    if not members then
      place.complain(d, "format", "not a JSON object")
    end
    return members or {}, {}
  elseif d.source.format == "regex" then
    local groups = regex.groups(d.source.program, line)
    if not groups then
      place.complain(d, "format", "does not match the pattern")
    end
    local members = {}
    for _, group in ipairs(groups or {}) do
      if group.text ~= "" then
        members[#members + 1] = { key = group.name, value = json.text(group.text) }
      end
    end
    return members, {}
  end
  return {}, hints.read(line, d.now)
end

-- The record's own time, which also chooses its index, where it is understood and sane; else that of reading, with
-- what was written beside it.
local function take_time(d, found, members, used, said)
  local reason, written
  local function outside()
    reason = "time outside the window"
  end
  d.time_said = true
  for _, c in ipairs(found) do
    if c.value.kind ~= "null" and not (c.value.kind == "text" and c.value.text == "") then
      local key = members[c.at].key
      local own = times.moment(c.value, d.now)
      if own and d.sane(own) then
        d.at = own
        used[c.at] = not c.inner and (key == "timestamp" or not d.schema.types[key]) or used[c.at]
        return
      end
      if c.sure and not reason then
        reason, written = "time not understood", json.said(c.value)
        if own then
          outside()
        end
        used[c.at] = not c.inner and key == "timestamp" or used[c.at]
      end
    end
  end
  if said.time then
    if d.sane(said.time) then
      d.at = said.time
      return
    end
    outside()
    written = times.text(said.time)
  end
  d.time_said = false
  if reason then
    place.complain(d, "time", reason)
    d.out.timestamp_text = written
  end
end

local function level_of(c, numbers)
  local value = c.value
  if value.kind == "object" then -- loguru's record.level
    value = json.get(value, "name") or { kind = "null", raw = "null" }
  end
  local said = json.said(value)
  local numeric = value.kind == "number" or value.kind == "text" and said:find("^%d+$") ~= nil
  if numeric ~= numbers or value.kind ~= "number" and value.kind ~= "text" or said == "" then
    return nil
  end
  return said, numbers and (words.level_of_number(said, c.scale) or false) or (words.level_of_name(said) or false)
end

-- One of a set of names, lower case. A name says more than a number. A record that does not say is `info`; what is
-- not understood stays as it is.
local function take_level(d, found, members, used, said)
  local unknown
  for _, numbers in ipairs({ false, true }) do
    for _, c in ipairs(found) do
      local written, level = level_of(c, numbers)
      if level then
        d.level, d.level_said = level, true
        if not c.inner then
          local key = members[c.at].key
          used[c.at] = key == "log_level" or not d.schema.types[key] and written:lower() == level
        end
        return
      elseif written and c.sure then
        unknown = unknown or c
      end
    end
  end
  if said.level then
    d.level, d.level_said = said.level, true
  elseif unknown then
    d.level = json.said(unknown.value)
    place.complain(d, "level", "level not understood")
    used[unknown.at] = not unknown.inner and members[unknown.at].key == "log_level" or used[unknown.at]
  end
end

-- A time and a level that stand under names of which nobody knows that they are such are told of, where the record
-- says neither otherwise.
local function tell_unnamed(d, members)
  local time, level = not d.time_said and not complained(d, "time"), not d.level_said and not complained(d, "level")
  for _, member in ipairs(members) do
    local said = member.value.kind == "text" and member.value.text
    if time and said and said:find(":", 1, true) then -- digits alone may be anything
      local at = times.moment(member.value, d.now)
      if at and d.sane(at) then
        place.complain(d, "time", "time not understood")
        d.out.timestamp_text, time = said, false
      end
    end
    if level and said and words.PLAIN[said:lower()] then
      place.complain(d, "level", "level not understood")
      level = false
    end
  end
end

local function without(value, key)
  local kept = {}
  for _, member in ipairs(value.members) do
    if member.key ~= key then
      kept[#kept + 1] = member
    end
  end
  return { kind = value.kind, raw = value.raw, members = kept }
end

-- One that is no text is kept as it was written; one that is declared as a field is that as well.
local function take_message(d, found, members, used, whole)
  local empty = false
  for _, c in ipairs(found) do
    if c.value.kind ~= "null" and (c.value.kind == "text" or c.sure) then
      local key, said = members[c.at].key, json.said(c.value)
      local once = not c.inner and (key == "message" or not d.schema.types[key])
      if said ~= "" then
        if once then
          used[c.at] = true
        elseif c.inner then
          members[c.at].value = without(members[c.at].value, c.inner)
        end
        return said
      elseif once then
        used[c.at], empty = true, true
      end
    end
  end
  return empty and "" or whole
end

-- An id, or the service, is put where the schema has it, if it stands under another name.
local function take_id(d, name, found, members, used)
  for _, c in ipairs(found) do
    local key = members[c.at].key
    if not c.inner and key == name then
      if c.value.kind ~= "null" and json.said(c.value) ~= "" then
        return
      end
      used[c.at] = true
    elseif c.value.kind == "text" and c.value.text ~= "" then
      if name == "service" and c.inner then
        return -- the object is the service's own
      end
      d.out[name] = c.value.text
      used[c.at] = not c.inner and not d.schema.types[key] or used[c.at]
      return
    end
  end
end

local function fill(out, key, value)
  local there = out[key]
  if value ~= "" and (there == nil or there == "" or there == flb_null) then
    out[key] = value
  end
end

-- What was not understood, as text.
local function unparsed(aside)
  local texts, more = setmetatable({}, json.MAP), {}
  for i, member in ipairs(aside) do
    local name, said = member.key, json.said(member.value)
    if i > json.MAX_MEMBERS then -- of a record whose every field is odd
      more[#more + 1] = name .. ": " .. said
    else
      while texts[name] do
        name = name .. "'"
      end
      texts[name] = said
    end
  end
  if #more > 0 then
    texts["… more"] = table.concat(more, "\n")
  end
  return texts
end

local function finish(d, config, message)
  local out = d.out
  fill(out, "service", d.source.service)
  for key, value in pairs(config.labels) do
    fill(out, key, value)
  end
  for key, value in pairs(config.enrichment) do
    out[key] = value
  end
  out.log_level, out.message = d.level, message
  if #d.aside > 0 then
    out.unparsed = unparsed(d.aside)
  end
  if #d.problems == 1 then
    out.parse_error = d.problems[1].said
  elseif #d.problems > 1 then
    out.parse_error = setmetatable({}, json.ARRAY)
    for i, problem in ipairs(d.problems) do
      out.parse_error[i] = problem.said
    end
  end
end

-- { out (the record), at (its time), level, level_said } of a line that was seen at `seen`.
function record.make(config, source, line, seen)
  local now = config.now and config.now() or { sec = os.time(), nsec = 0 }
  local past, future = now.sec - config.window.past, now.sec + config.window.future
  local d = {
    source = source, schema = config.schema, id_key = config.id_key, index_key = config.index_key,
    now = now, out = setmetatable({}, json.MAP), problems = {}, aside = {}, level = "info", level_said = false,
    sane = function(at)
      return at.sec >= past and (at.sec < future or at.sec == future and at.nsec == 0)
    end,
  }
  d.at = d.sane(seen) and seen or now
  line = line:gsub("^\239\187\191", "", 1)
  local members, said = parse(d, line)
  local found, used = words.candidates(members), {}
  take_time(d, found.time, members, used, said)
  take_level(d, found.level, members, used, said)
  if source.format ~= "text" then
    tell_unnamed(d, members)
  end
  local message = take_message(d, found.message, members, used, line)
  for _, name in ipairs({ "trace_id", "span_id", "transaction_id", "service" }) do
    take_id(d, name, found[name], members, used)
  end
  place.all(d, members, used)
  finish(d, config, message)
  return d
end

return record
