-- The schema's fields and their types, and how a value fits one.
local json = require("json")
local times = require("times")
local schema = {}

local METADATA = {}
for name in
  ([[_id _index _routing _source _field_names _ignored _type _nested_path _doc_count _seq_no _primary_term _version
  _size _data_stream_timestamp _feature _tier]]):gmatch("%S+")
do
  METADATA[name] = true
end
schema.MAX_KEY = 256

-- { types, above: the beginnings of dotted names, where the index has an object }
function schema.new(types)
  local above = {}
  for name in pairs(types) do
    for at in name:gmatch("()%.") do
      above[name:sub(1, at - 1)] = true
    end
  end
  return { types = types, above = above }
end

-- Whether the store would refuse the whole record for this name.
function schema.odd_key(key)
  if #key == 0 or #key > schema.MAX_KEY or METADATA[key] then
    return true
  end
  for part in (key .. "."):gmatch("([^.]*)%.") do
    if not part:find("%S") then
      return true
    end
  end
  return false
end

-- The field of the schema that the dotted key would lie inside.
function schema.leaf_above(of, key)
  for at in key:gmatch("()%.") do
    if of.types[key:sub(1, at - 1)] then
      return key:sub(1, at - 1)
    end
  end
end

local function is_address(said)
  local parts = { said:match("^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$") }
  if parts[1] then
    for _, part in ipairs(parts) do
      if tonumber(part) > 255 or part:find("^0%d") then
        return false
      end
    end
    return true
  end
  local tail = said:match(":(%d+%.%d+%.%d+%.%d+)$")
  if tail then
    if not is_address(tail) then
      return false
    end
    said = said:sub(1, #said - #tail) .. "0:0"
  end
  if not said:find("^[%x:]+$") or said:find(":::", 1, true) then
    return false
  end
  local head, rest = said:match("^(.-)::(.*)$")
  local count = 0
  for group in ((head and head .. ":" .. rest or said) .. ":"):gmatch("([^:]*):") do
    if #group > 4 or group == "" and not head then
      return false
    end
    count = count + (group == "" and 0 or 1)
  end
  if head and rest:find("::", 1, true) then
    return false
  end
  return head and count < 8 or count == 8
end

local FITS = {}

function FITS.keyword(value)
  if value.kind == "number" and value.raw:find("[.eE]") then
    return true, value.raw
  end
  return true, json.plain(value)
end
FITS.text = FITS.keyword

local function number(value)
  return (value.kind == "number" or value.kind == "text") and json.said(value) or ""
end

-- What the store takes: decimals too, which it cuts for searching.
function FITS.long(value)
  local said = number(value)
  local whole = said:match("^%+?(%-?%d+)$")
  if whole and json.is_number(whole) then
    local digits = whole:match("%d+")
    local most = whole:sub(1, 1) == "-" and "9223372036854775808" or "9223372036854775807"
    if #digits < 19 or #digits == 19 and digits <= most then
      return true, json.plain({ kind = "number", raw = whole })
    end
    return false
  end
  local size = json.is_number(said) and said:find("[.eE]") and tonumber(said)
  if not size or size >= 2 ^ 63 or size < -2 ^ 63 then
    return false
  end
  return true, json.plain({ kind = "number", raw = said })
end

function FITS.double(value)
  local said = number(value)
  local size = json.is_number(said) and tonumber(said)
  if not size or size == math.huge or size == -math.huge then
    return false
  end
  return true, json.plain({ kind = "number", raw = said })
end

function FITS.boolean(value)
  local said = value.kind ~= "number" and json.said(value):lower()
  return said == "true" or said == "false", said == "true"
end

function FITS.ip(value)
  local said = json.said(value):match("^%s*(.-)%s*$")
  return value.kind == "text" and is_address(said), said
end

function FITS.date(value, now)
  if value.kind == "text" and value.text:find("^%d%d%d%d%-%d%d%-%d%d$") and times.ahead(value.text .. "T00:00:00Z") then
    return true, value.text
  end
  local found = times.moment(value, now)
  if not found or found.sec < -62135596800 or found.sec > 253402300799 then
    return false
  end
  return true, times.text(found)
end

-- Whether a value fits a field of this type, and what is stored.
function schema.fit(value, kind, now)
  if value.kind == "null" or value.kind == "text" and value.text == "" and kind ~= "keyword" and kind ~= "text" then
    return true, nil
  elseif value.kind == "object" or not FITS[kind] then
    return false
  elseif value.kind == "array" then
    local out = setmetatable({}, json.ARRAY)
    for _, item in ipairs(value.items) do
      local fits, found = schema.fit(item, kind, now)
      if not fits then
        return false
      end
      out[#out + 1] = found == nil and flb_null or found
    end
    return true, out
  end
  return FITS[kind](value, now)
end

return schema
