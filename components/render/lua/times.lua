-- Times in the ways in which loggers write one, as seconds and nanoseconds since 1970. A time without a zone is
-- UTC; one without a year is the one nearest to now. What is not certain is not understood.
local json = require("json")
local times = {}

local MONTHS = { jan = 1, feb = 2, mar = 3, apr = 4, may = 5, jun = 6, jul = 7, aug = 8, sep = 9, oct = 10, nov = 11, dec = 12 }
local LONG = { "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december" }
for number, name in ipairs(LONG) do
  MONTHS[name] = number
end
local WEEKDAYS = { "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday" }
for _, name in ipairs({ unpack(WEEKDAYS) }) do
  WEEKDAYS[name], WEEKDAYS[name:sub(1, 3)] = true, true
end
-- Those that RFC 2822 defines; other abbreviations mean one thing here and another there.
local HOUR = 3600
local ZONES = {
  Z = 0, UTC = 0, GMT = 0, UT = 0, EST = -5 * HOUR, EDT = -4 * HOUR, CST = -6 * HOUR, CDT = -5 * HOUR,
  MST = -7 * HOUR, MDT = -6 * HOUR, PST = -8 * HOUR, PDT = -7 * HOUR,
}
local DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local floor = math.floor

local function days_in(year, month)
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return month == 2 and leap and 29 or DAYS[month]
end

-- Days since 1970-01-01 (the civil calendar, from March).
local function day_number(year, month, day)
  local y = month <= 2 and year - 1 or year
  local era = floor(y / 400)
  local of_era = y - era * 400
  local of_year = floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
  return era * 146097 + of_era * 365 + floor(of_era / 4) - floor(of_era / 100) + of_year - 719468
end

local function year_of(seconds)
  local z = floor(seconds / 86400) + 719468
  local era = floor(z / 146097)
  local doe = z - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  return yoe + era * 400 + (floor((5 * doy + 2) / 153) >= 10 and 1 or 0)
end

-- Nil where there is no such day or hour.
local function moment_of(year, month, day, hour, minute, second, nanos, shift)
  if month < 1 or month > 12 or day < 1 or day > days_in(year, month) or hour > 24 or minute > 59 or second > 60 then
    return nil
  end
  local sec = day_number(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - (shift or 0)
  return { sec = sec, nsec = nanos or 0 }
end

-- The digits behind a point as nanoseconds; more than nine are cut.
local function nanos_of(fraction)
  return tonumber((fraction .. "000000000"):sub(1, 9))
end
times.nanos_of = nanos_of

function times.less(a, b)
  return a.sec < b.sec or a.sec == b.sec and a.nsec < b.nsec
end

-- As RFC 3339 writes it.
function times.text(at)
  local written = os.date("!%Y-%m-%dT%H:%M:%S", at.sec)
  if at.nsec > 0 then
    written = written .. "." .. (("%09d"):format(at.nsec):gsub("0+$", ""))
  end
  return written .. "Z"
end

-- A number with an exponent, written out.
local function spread(raw)
  local sign, whole, rest, exponent = raw:match("^(%-?)(%d+)(%.?%d*)[eE]([+-]?%d+)$")
  local shift = tonumber(exponent or "")
  if not shift or shift > 99 or shift < -99 then
    return nil
  end
  local fraction = rest:sub(2)
  if shift >= 0 then
    fraction = fraction .. ("0"):rep(shift - #fraction)
    return sign .. whole .. fraction:sub(1, shift) .. "." .. fraction:sub(shift + 1) .. "0"
  end
  whole = ("0"):rep(-shift) .. whole
  return sign .. whole:sub(1, #whole + shift) .. "." .. whole:sub(#whole + shift + 1) .. fraction
end

-- Seconds, milliseconds, microseconds or nanoseconds since 1970, by size.
local function epoch(raw)
  if #raw > 40 or not json.is_number(raw) then
    return nil
  end
  if raw:find("[eE]") then
    raw = spread(raw)
    if not raw then
      return nil
    end
  end
  local sign, whole, fraction = raw:match("^(%-?)0*(%d*)%.?(%d*)$")
  if #whole > 19 or #whole == 19 and whole > "9223372036854775807" then
    return nil
  end
  -- Behind the point stand what is no whole second.
  local places = #whole <= 11 and 0 or #whole <= 14 and 3 or #whole <= 17 and 6 or 9
  local seconds, below = whole:sub(1, #whole - places), whole:sub(#whole - places + 1) .. fraction
  local sec, nsec = tonumber(seconds == "" and "0" or seconds), nanos_of(below)
  if sign == "-" then
    sec, nsec = -sec, -nsec
    if nsec < 0 then
      sec, nsec = sec - 1, nsec + 1000000000
    end
  end
  return { sec = sec, nsec = nsec }
end

local function numeric_offset(s)
  local sign, rest = s:match("^([+-])(.*)$")
  local parts, n = { 0, 0, 0 }, 0
  while sign and n < 3 do
    local run = #rest:match("^%d*")
    if run < 2 or n > 0 and run ~= 2 and run ~= 4 then
      break
    end
    n = n + 1
    parts[n], rest = tonumber(rest:sub(1, 2)), rest:sub(3)
    if rest:find("^:%d%d%f[%D]") then
      rest = rest:sub(2)
    end
  end
  if n == 0 or parts[1] > 18 or parts[2] > 59 or rest:find("^%d") then
    return nil
  end
  local shift = parts[1] * 3600 + parts[2] * 60 + parts[3]
  return sign == "-" and -shift or shift, rest
end

-- Z, UTC, +02, +0200, +02:00: what follows, the shift (nil for none), and whether it is known.
local function offset(s)
  local trimmed = s:match("^ *(.*)$")
  local apart = #trimmed < #s
  if trimmed == "" then
    return "", nil, true
  elseif trimmed:find("^[+-]") then
    -- Apart, two digits may be anything: "-10 left".
    local shift, rest = numeric_offset(trimmed)
    if shift and (not apart or #trimmed - #rest > 3) then
      return rest, shift, true
    end
    return s, nil, apart
  elseif trimmed:find("^%a") then
    local name = trimmed:match("^%a+")
    local shift = ZONES[name:upper()]
    if shift then
      return trimmed:sub(#name + 1), shift, true
    end
    return s, nil, apart
  end
  return s, nil, true
end

local function date_ahead(s)
  local year, first, month, second, day, rest = s:match("^(%d%d%d%d)([-/])(%d%d)([-/])(%d%d)(.*)$")
  if year and first == second then
    return tonumber(year), tonumber(month), tonumber(day), rest
  end
  year, month, day, rest = s:match("^(%d%d%d%d)(%d%d)(%d%d)([T ].*)$")
  return tonumber(year), tonumber(month), tonumber(day), rest
end

local function clock_ahead(s)
  local hour, minute, rest = s:match("^(%d%d):(%d%d)(.*)$")
  local second
  if hour then
    second = rest:match("^:(%d%d)")
    if not second then
      if rest:sub(1, 1) == ":" then
        return nil
      end
      return tonumber(hour), tonumber(minute), 0, 0, rest
    end
    rest = rest:sub(4)
  else
    hour, minute, second, rest = s:match("^(%d%d)(%d%d)(%d%d)(.*)$")
    if not hour or rest:find("^%d") then
      return nil
    end
  end
  local fraction, after = rest:match("^[.,](%d+)(.*)$")
  return tonumber(hour), tonumber(minute), tonumber(second), fraction and nanos_of(fraction) or 0, after or rest
end

-- Year, month, day and a clock at the beginning of a text: the time, what follows, whether a zone was among it.
function times.ahead(s)
  local year, month, day, rest = date_ahead(s)
  if not rest or not rest:find("^[Tt _]") then
    return nil
  end
  local hour, minute, second, nanos, after = clock_ahead(rest:sub(2))
  if not hour then
    return nil
  end
  local left, shift, known = offset(after)
  local found = known and moment_of(year, month, day, hour, minute, second, nanos, shift)
  if found then
    return found, left, shift ~= nil
  end
end

-- What may stand behind a time that has its offset: the zone's name (Java), its abbreviation, a clock (Go).
local function zone_remark(rest)
  rest = rest:match("^%s*(.-)%s*$")
  if rest:find("^%[.*%]$") then
    return true
  end
  local name, clock = rest:match("^(%S*) ?(.*)$")
  local good = name:find("^m=") or name:find("^%u+$") and #name <= 5
  return good and (clock == "" or clock:find("^m=") ~= nil)
end

local function clock_of(s)
  local hour, minute, rest = s:match("^(%d%d?):(%d%d)(.*)$")
  if not hour then
    return nil
  end
  hour = tonumber(hour)
  local second, fraction, after = rest:match("^:(%d%d)[.,]?(%d*)(.*)$")
  if not second then
    second, fraction, after = "0", "", rest
  end
  local half = after:match("^ ([AP])M$")
  if half then
    if hour < 1 or hour > 12 then
      return nil
    end
    hour = hour % 12 + (half == "P" and 12 or 0)
  elseif after ~= "" or hour > 23 then
    return nil
  end
  return hour, tonumber(minute), tonumber(second), nanos_of(fraction)
end

-- Orders of words with the name of a month.
local function worded(s)
  local day, month, year, clock = s:match("^(%d%d?)[ /-](%a+)[ /-](%d%d%d?%d?)[ :](.+)$")
  if not day then
    month, day, clock, year = s:match("^(%a+) (%d%d?) (%d%d:%d%d:%d%d%S*) (%d%d%d%d)$")
  end
  if not day then
    month, day, year, clock = s:match("^(%a+) (%d%d?), (%d%d%d%d),? (.+)$")
  end
  if not day or not MONTHS[month:lower()] or #year == 3 then
    return nil
  end
  year = tonumber(year) + (#year == 2 and (tonumber(year) >= 69 and 1900 or 2000) or 0)
  return year, MONTHS[month:lower()], tonumber(day), clock
end

-- Syslog's time: of the years, the one that lies nearest.
function times.without_year(s, now, shift)
  local name, day, clock = s:match("^(%a%a%a) (%d%d?) (%d%d:%d%d:%d%d[.,]?%d*)$")
  local month = name and MONTHS[name:lower()]
  if not month or not now then
    return nil
  end
  local hour, minute, second, nanos = clock_of(clock)
  local best
  local this = year_of(now.sec)
  for year = this - 1, this + 1 do
    local found = hour and second < 60 and moment_of(year, month, tonumber(day), hour, minute, second, nanos, shift)
    if found and (not best or math.abs(found.sec - now.sec) < math.abs(best.sec - now.sec)) then
      best = found
    end
  end
  return best
end

-- RFC 2822, RFC 1123, RFC 850, asctime, Apache's and syslog's times.
local function by_words(s, now)
  s = s:gsub("%s+", " "):match("^ ?(.-) ?$")
  local first, rest = s:match("^(%a+),? (.*)$")
  if first and WEEKDAYS[first:lower()] then
    s = rest
  end
  local shift
  local before, last = s:match("^(.*) (%S+)$")
  if last and ZONES[last:upper()] then
    s, shift = before, ZONES[last:upper()]
  elseif last and last:find("^[+-]") then
    local found, after = numeric_offset(last)
    if not found or after ~= "" then
      return nil
    end
    s, shift = before, found
  end
  -- ANSI C with a zone before the year: Nov 25 11:27:15 UTC 2026
  local head, zone, year_last = s:match("^(%a+ %d+ [%d:]+) (%u+) (%d%d%d%d)$")
  if head and ZONES[zone] then
    s, shift = head .. " " .. year_last, ZONES[zone]
  end
  local year, month, day, clock = worded(s)
  if year then
    local hour, minute, second, nanos = clock_of(clock)
    return hour and second < 60 and moment_of(year, month, day, hour, minute, second, nanos, shift) or nil
  end
  return times.without_year(s, now, shift)
end
times.by_words = by_words

local function of_text(s, now)
  local found, rest, zoned = times.ahead(s)
  if found and (rest:find("^%s*$") or zoned and zone_remark(rest)) then
    return found
  elseif s == "" or #s > 64 then
    return nil
  end
  local inner = s:match("^/Date%(([^)+]*)") -- .NET's old JSON
  if inner then
    return epoch(inner)
  end
  return s:find("^[-%d]") and epoch(s) or by_words(s, now)
end

-- log4j2's instant, GCP's timestamp and loguru's time.
local function of_object(value)
  for _, key in ipairs({ "epochSecond", "seconds", "timestamp", "$date" }) do
    local seconds = json.get(value, key)
    if seconds then
      local found = times.moment(seconds)
      for _, name in ipairs({ "nanoOfSecond", "nanos" }) do
        local nanos = json.get(value, name)
        if found and nanos then
          local count = tonumber(json.said(nanos):match("^%d+$") or "")
          found = count and count < 1e9 and { sec = found.sec, nsec = count } or nil
        end
      end
      return found
    end
  end
end

-- The time that a value says; nil where it says none for certain.
function times.moment(value, now)
  if value.kind == "number" then
    return epoch(value.raw)
  elseif value.kind == "text" then
    return of_text(value.text:match("^%s*(.-)%s*$"), now)
  elseif value.kind == "object" then
    return of_object(value)
  end
end

return times
