-- What the usual loggers call things: levels by name and number, and which key says what of a record.
local json = require("json")
local words = {}

words.LEVELS = {}
for level, names in pairs({
  debug = "trace verbose debug fine finer finest config silly trce dbug vrb dbg debug1 t v d",
  info = "info information informational notice http log success default inf audit i n",
  warning = "warn warning wrn w",
  error = "err error severe fail failure eror e",
  critical = "critical crit fatal panic dpanic alert emerg emergency crash ftl crt f c",
}) do
  for name in names:gmatch("%S+") do
    words.LEVELS[name] = level
  end
end
-- Names that hardly mean anything else, whatever the key.
words.PLAIN = { debug = true, info = true, warn = true, warning = true, error = true, critical = true, fatal = true }

-- A level by its name, also with slog's distance behind it: ERROR+2.
function words.level_of_name(said)
  said = said:match("^%s*(.-)%s*$")
  if #said > 16 then
    return nil
  end
  return words.LEVELS[(said:match("^(.+)[+-]%d+$") or said):lower()]
end

local FIVE = { "debug", "info", "warning", "error", "critical" }

local function pick(n, limits, levels)
  for i, limit in ipairs(limits) do
    if n <= limit then
      return levels[i]
    end
  end
end

-- Which numbers a key's numbers are: `any` is pino's and bunyan's 10 to 60; numbers below ten mean one thing to
-- syslog and another to .NET, hundreds one thing to Monolog and another to Google.
function words.level_of_number(raw, scale)
  local n = raw:find("^%d+$") and tonumber(raw)
  if not n then
    return nil
  elseif scale == "syslog" then
    return pick(n, { 2, 3, 4, 6, 7 }, { "critical", "error", "warning", "info", "debug" })
  elseif scale == "otel" and n > 0 then
    return pick(n, { 8, 12, 16, 20, 24 }, FIVE)
  elseif scale == "java" and n >= 1000 then
    return pick(n, { 19999, 29999, 39999, 49999, 2 ^ 30 }, FIVE)
  elseif scale == "python" and n > 0 then
    return pick(n, { 19, 29, 39, 49, 100 }, FIVE)
  elseif scale == "any" and n >= 10 and n < 100 then
    return pick(n, { 29, 39, 49, 59, 99 }, FIVE)
  end
end

-- Key in lower case -> role, rank among keys of that role, whether it can mean nothing else. A dot leads into an
-- object.
words.ROLES = {}
local ranks = {}
local function keys_of(role, sure, keys)
  for key in keys:gmatch("%S+") do
    ranks[role] = (ranks[role] or 0) + 1
    words.ROLES[key] = { role = role, rank = ranks[role], sure = sure }
  end
end
keys_of("time", true, "timestamp @timestamp time ts @t asctime instant record.time datetime eventtime timemillis")
keys_of("time", false, "date t created logged_at log_time logtime timestamp_ms timestampms epoch")
keys_of("level", true, "log_level level severity log.level levelname loglevel @l lvl severitytext severity_text")
keys_of("level", true, "level_name severity_label record.level severitynumber severity_number syslog_severity")
keys_of("level", false, "levelno level_value l priority")
keys_of("message", true, "message msg @m renderedmessage short_message record.message fields.message")
keys_of("message", false, "@mt messagetemplate event body text log full_message")
keys_of("service", true, "service service.name service_name servicename")
keys_of("trace_id", true, "trace_id traceid trace.id oteltraceid @tr")
keys_of("span_id", true, "span_id spanid span.id otelspanid @sp")
keys_of("transaction_id", true, "transaction_id transactionid transaction.id")
for scale, keys in pairs({
  any = "log_level level severity log.level lvl",
  python = "levelno",
  java = "level_value",
  otel = "severitynumber severity_number",
  syslog = "syslog_severity",
}) do
  for key in keys:gmatch("%S+") do
    words.ROLES[key].scale = scale
  end
end

local WITHIN = {}
for key in pairs(words.ROLES) do
  local root = key:match("^(.-)%.")
  if root then
    WITHIN[root] = true
  end
end

local function candidate(place, value, at, inner)
  return { rank = place.rank, sure = place.sure, scale = place.scale, value = value, at = at, inner = inner }
end

-- Role -> what the members say of it, the best first: { value, at, inner (the key inside members[at]) }.
function words.candidates(members)
  local found = { time = {}, level = {}, message = {}, service = {}, trace_id = {}, span_id = {}, transaction_id = {} }
  local gelf = false
  for at, member in ipairs(members) do
    local key = member.key:lower()
    local place = words.ROLES[key]
    if place then
      table.insert(found[place.role], candidate(place, member.value, at))
      gelf = gelf or key == "short_message"
    end
    for _, inner in ipairs(WITHIN[key] and member.value.members or {}) do
      place = words.ROLES[key .. "." .. inner.key:lower()]
      if place then
        table.insert(found[place.role], candidate(place, inner.value, at, inner.key))
      end
    end
  end
  for role, list in pairs(found) do
    for order, one in ipairs(list) do
      one.order = order
      one.scale = gelf and role == "level" and "syslog" or one.scale
    end
    table.sort(list, function(a, b)
      if a.rank ~= b.rank then
        return a.rank < b.rank
      end
      return a.order < b.order
    end)
  end
  return found
end

return words
