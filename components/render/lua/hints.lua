-- What a line of plain text says about itself in the usual places: { time, level }. The line stays the message.
local json = require("json")
local times = require("times")
local words = require("words")
local hints = {}

local MONTHS = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }

-- The time with which a line begins, or that an access log has in brackets; and what follows.
local function time_ahead(line, now)
  local found, rest = times.ahead((line:gsub("^%[", "", 1)))
  if found then
    return found, rest
  end
  -- Nov 25 11:27:15 host ...; Nov 25, 2026 11:27:15 AM ...
  if line:find("^%a%a%a ") and #line >= 15 then
    found = times.without_year((line:sub(1, 15):gsub("%s+", " ")), now)
    if found then
      return found, line:sub(16)
    end
    local stop = line:find("M ", 1, true)
    if stop and stop > 16 and stop < 29 then
      found = times.by_words(line:sub(1, stop), nil)
      if found then
        return found, line:sub(stop + 1)
      end
    end
  end
  local at = line:find("[", 1, true)
  if at and at <= 200 and line:sub(at + 27, at + 27) == "]" then
    found = times.by_words(line:sub(at + 1, at + 26), nil)
    if found then
      return found, line:sub(at + 28)
    end
  end
  return nil, line
end

local function strip(word, set)
  return word:match("^[" .. set .. "]*(.-)[" .. set .. "]*$")
end

-- A level among the first words: in capitals, in brackets, or alone before a colon at the very beginning.
local function level_ahead(rest)
  rest = rest:sub(1, 160)
  for n = 0, 6 do
    rest = rest:match("^[ \t|,-]*(.*)$")
    if rest == "" then
      return nil
    end
    local word, after = rest:match("^([^ |\t]*)[ |\t]?(.*)$")
    local bare = strip(word, "%[%]()<>:|,%-")
    if n == 0 and word:find(":", 1, true) then -- WARNING:root:text, fail: Category[0]
      bare = strip(word:match("^(.-):"), "%[%]()<>")
    end
    local level = words.LEVELS[bare:lower()]
    if level and #bare >= 3 then
      local ahead = n == 0 and word:sub(1, #bare + 1) == bare .. ":"
      if bare:find("^%u+$") or word:find("^[%[<]") or ahead then
        return level
      end
    end
    rest = after
  end
end

-- The head of glog and klog: I1125 11:27:15.696000 1 main.go:7] text.
local function glog(line, now)
  local letter, month, day, clock, fraction = line:match("^([IWEF])(%d%d)(%d%d) (%d%d:%d%d:%d%d)%.(%d+)")
  if not letter or #line < 21 or not MONTHS[tonumber(month)] then
    return nil
  end
  local found = times.without_year(MONTHS[tonumber(month)] .. " " .. tonumber(day) .. " " .. clock, now)
  if found then
    found.nsec = times.nanos_of(fraction)
    return { time = found, level = words.LEVELS[letter:lower()] }
  end
end

-- time=... level=... as logrus and slog write it.
local function logfmt(line, now)
  local first = line:sub(1, 24):match("^(.-)=")
  local place = first and words.ROLES[first:lower()]
  if not place or place.role ~= "time" and place.role ~= "level" then
    return nil
  end
  local found, rest = {}, line
  while rest ~= "" and not (found.time and found.level) do
    local key, after = rest:match("^(.-)=(.*)$")
    if not key then
      break
    end
    local said
    if after:sub(1, 1) == '"' then
      local stop
      said, stop = json.string(after, 1)
      if not said then
        break
      end
      rest = after:sub(stop)
    else
      said, rest = after:match("^([^ ]*) ?(.*)$")
    end
    rest = rest:match("^ *(.*)$")
    place = words.ROLES[key:lower()]
    if place and place.role == "time" then
      found.time = found.time or times.moment(json.text(said), now)
    elseif place and place.role == "level" then
      found.level = found.level or words.level_of_name(said)
    end
  end
  return (found.time or found.level) and found
end

function hints.read(line, now)
  line = line:match("^[ \t]*(.*)$")
  local found = logfmt(line, now) or glog(line, now)
  if found then
    return found
  end
  found = {}
  local rest = line
  local priority, after = line:match("^<(%d%d?%d?)>(.*)$")
  if priority then
    found.level = words.level_of_number(tostring(tonumber(priority) % 8), "syslog")
    rest = after:gsub("^1 ", "", 1) -- RFC 5424's version
  end
  found.time, rest = time_ahead(rest, now)
  found.level = found.level or level_ahead(rest)
  return found
end

return hints
