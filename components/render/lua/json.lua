-- One line that is a JSON object, read so that no value loses how it was written. What is odd about one value
-- costs that value, not the line.
local json = {}

json.MAX_DEPTH = 16 -- the store refuses more than 20
json.MAX_MEMBERS = 512

local byte, find, sub, char = string.byte, string.find, string.sub, string.char
local ESCAPES = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

function json.text(said)
  return { kind = "text", raw = said, text = said }
end

-- A value as a text: what a text says, all else as written.
function json.said(value)
  return value.kind == "text" and value.text or value.raw
end

-- The last member of that name.
function json.get(value, key)
  local members = value.members
  for i = members and #members or 0, 1, -1 do
    if members[i].key == key then
      return members[i].value
    end
  end
end

-- JSON's numbers: no plus, no leading zero, digits on both sides of a point.
function json.is_number(s)
  local rest = s:match("^%-?0(.*)$") or s:match("^%-?[1-9]%d*(.*)$")
  if not rest then
    return false
  end
  rest = rest:match("^%.%d+(.*)$") or rest
  return rest == "" or rest:find("^[eE][+-]?%d+$") ~= nil
end

local function utf8_of(code)
  if code < 0x80 then
    return char(code)
  elseif code < 0x800 then
    return char(0xC0 + math.floor(code / 64), 0x80 + code % 64)
  elseif code < 0x10000 then
    return char(0xE0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
  end
  return char(
    0xF0 + math.floor(code / 262144),
    0x80 + math.floor(code / 4096) % 64,
    0x80 + math.floor(code / 64) % 64,
    0x80 + code % 64
  )
end
json.utf8_of = utf8_of

local REPLACED = "\239\191\189"

-- What the escape at `at` says, and where it ends. One that JSON does not know stays as written.
local function unescape(s, at)
  local c = sub(s, at + 1, at + 1)
  if ESCAPES[c] then
    return ESCAPES[c], at + 2
  elseif c ~= "u" then
    return "\\" .. c, at + 2
  end
  local digits = s:match("^%x%x%x%x", at + 2)
  if not digits then
    return "\\u", at + 2
  end
  local code = tonumber(digits, 16)
  if code < 0xD800 or code > 0xDFFF then
    return utf8_of(code), at + 6
  end
  local low = tonumber(s:match("^\\u(%x%x%x%x)", at + 6) or "0", 16)
  if code < 0xDC00 and low >= 0xDC00 and low <= 0xDFFF then
    return utf8_of(0x10000 + (code - 0xD800) * 1024 + low - 0xDC00), at + 12
  end
  return REPLACED, at + 6 -- half a pair
end

-- The string that begins with the quote at `at`, and where it ends; nil where it does not.
function json.string(s, at)
  at = at + 1
  local stop = find(s, '["\\]', at)
  if not stop then
    return nil
  elseif byte(s, stop) == 34 then
    return sub(s, at, stop - 1), stop + 1
  end
  local out = {}
  while stop do
    out[#out + 1] = sub(s, at, stop - 1)
    if byte(s, stop) == 34 then
      return table.concat(out), stop + 1
    elseif stop == #s then
      return nil
    end
    out[#out + 1], at = unescape(s, stop)
    stop = find(s, '["\\]', at)
  end
end

local function space(s, at)
  return find(s, "[^ \t\r\n]", at) or #s + 1
end

-- Past a container, without a look at what is in it.
local function skip(s, at)
  local open = 0
  while at do
    at = find(s, '[%[%]{}"]', at)
    if not at then
      return nil
    end
    local c = sub(s, at, at)
    if c == '"' then
      local _, after = json.string(s, at)
      at = after
    else
      open = open + ((c == "{" or c == "[") and 1 or -1)
      at = at + 1
      if open == 0 then
        return at
      end
    end
  end
end

-- A number or a word; one that JSON does not know is odd.
local function token(s, at)
  local stop = find(s, "[,%]} \t\r\n]", at) or #s + 1
  local word = sub(s, at, stop - 1)
  if word == "" or find(word, '[":{%[%c]') then
    return nil
  elseif word == "null" then
    return { kind = "null", raw = word }, stop
  elseif word == "true" or word == "false" then
    return { kind = "boolean", raw = word }, stop
  end
  return { kind = json.is_number(word) and "number" or "odd", raw = word }, stop
end

local value_at

-- Past a comma; at the end of the container it stays.
local function separated(s, at, close)
  at = space(s, at)
  local c = byte(s, at)
  if c == 44 then
    return at + 1
  end
  return c == close and at or nil
end

local function members_at(s, at, depth)
  local found = {}
  at = at + 1
  while true do
    at = space(s, at)
    local c, key, item = byte(s, at)
    if c == 125 then -- also behind a last comma
      return { kind = "object", members = found }, at + 1
    elseif c ~= 34 then
      return nil
    end
    key, at = json.string(s, at)
    at = key and space(s, at)
    if not at or byte(s, at) ~= 58 then
      return nil
    end
    item, at = value_at(s, at + 1, depth + 1)
    at = item and separated(s, at, 125)
    if not at then
      return nil
    end
    found[#found + 1] = { key = key, value = item }
  end
end

local function items_at(s, at, depth)
  local found = {}
  at = at + 1
  while true do
    at = space(s, at)
    local item
    if byte(s, at) == 93 then
      return { kind = "array", items = found }, at + 1
    end
    item, at = value_at(s, at, depth + 1)
    at = item and separated(s, at, 93)
    if not at then
      return nil
    end
    found[#found + 1] = item
  end
end

function value_at(s, at, depth)
  at = space(s, at)
  local start, c, found = at, byte(s, at), nil
  if (c == 123 or c == 91) and depth >= json.MAX_DEPTH then
    found, at = { kind = "odd" }, skip(s, at)
    found = at and found
  elseif c == 123 then
    found, at = members_at(s, at, depth)
  elseif c == 91 then
    found, at = items_at(s, at, depth)
  elseif c == 34 then
    local said
    said, at = json.string(s, at)
    found = said and { kind = "text", text = said }
  elseif c then
    found, at = token(s, at)
  end
  if found then
    found.raw = sub(s, start, at - 1)
  end
  return found, at
end

-- The members of a line that is one JSON object and nothing else; nil where it is none.
function json.object(line)
  local at = space(line, 1)
  if byte(line, at) ~= 123 then
    return nil
  end
  local found, after = value_at(line, at, 0)
  if found and space(line, after) > #line then
    return found.members
  end
end

local ARRAY, MAP = { type = 1 }, { type = 2 } -- what Fluent Bit shall take an empty table for

-- A number's digits without sign, point, exponent and outer zeros.
local function significant(raw)
  local digits = raw:match("^[^eE]*"):gsub("[-.]", "")
  return (digits:gsub("^0+", ""):gsub("0+$", ""))
end

-- A number as exactly as a double of Lua holds it and Fluent Bit writes it (15 digits); else its text, which the
-- store reads as the number where the field is one.
local function number_of(raw)
  local found = tonumber(raw)
  local digits = significant(raw)
  if not found or found == math.huge or found == -math.huge or #digits > 15 or (found == 0 and digits ~= "") then
    return raw
  elseif not raw:find("[.eE]") and (found >= 2 ^ 53 or found <= -2 ^ 53) then
    return raw
  end
  return found
end

-- A value as Fluent Bit takes it.
function json.plain(value)
  local kind = value.kind
  if kind == "null" then
    return flb_null
  elseif kind == "boolean" then
    return value.raw == "true"
  elseif kind == "number" then
    return number_of(value.raw)
  elseif kind == "array" then
    local out = setmetatable({}, ARRAY)
    for i, item in ipairs(value.items) do
      out[i] = json.plain(item)
    end
    return out
  elseif kind == "object" and #value.members <= json.MAX_MEMBERS then
    local out = setmetatable({}, MAP)
    for _, member in ipairs(value.members) do
      out[member.key] = json.plain(member.value)
    end
    return out
  end
  return json.said(value)
end

json.ARRAY, json.MAP = ARRAY, MAP
return json
