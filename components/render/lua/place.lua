-- Where each field of a record goes: what does not fit its field costs nothing but itself, and is kept as text.
local json = require("json")
local schema = require("schema")
local place = {}

local MAX_PROBLEMS = 8

function place.complain(d, kind, said)
  if #d.problems < MAX_PROBLEMS then
    d.problems[#d.problems + 1] = { kind = kind, said = said }
  end
end

local function set_aside(d, key, value)
  d.aside[#d.aside + 1] = { key = key:sub(1, schema.MAX_KEY), value = value }
end

local function misfit(d, name, key, value)
  place.complain(d, "field", "field: " .. name:sub(1, 64))
  set_aside(d, key, value)
end

-- Puts a field into the record, or into an object on the way to fields. What stood there is kept aside: a key that
-- comes twice means its last value.
local function put(d, into, key, stored, value)
  local before = into.values[key]
  if before then
    misfit(d, key, key, before)
  end
  into.out[key] = stored
  into.values[key] = value.kind ~= "null" and value or nil
end

local function place_beside(d, name, key, value, into)
  if into.out[name] ~= nil or d.schema.types[name] or d.schema.above[name] or schema.odd_key(name) then
    set_aside(d, key, value)
  else
    put(d, into, name, json.plain(value), value)
  end
end

local function place_field(d, key, kind, value, into)
  local fits, stored = schema.fit(value, kind, d.now)
  if fits then
    return put(d, into, key, stored, value)
  end
  local name = value.kind == "object" and kind == "keyword" and json.get(value, "name")
  if not name or name.kind ~= "text" then
    return misfit(d, key, key, value)
  end
  -- {"service": {"name": "orders", "version": "7"}} says who it is, and more.
  put(d, into, key, name.text, name)
  for _, inner in ipairs(value.members) do
    if inner.key ~= "name" then
      place_beside(d, key .. "_" .. inner.key:gsub("%.", "_"), key .. "." .. inner.key, inner.value, into)
    end
  end
end

-- An object in which fields of the schema lie.
local function fields_of(d, key, value)
  local into = { out = setmetatable({}, json.MAP), values = {} }
  for _, member in ipairs(value.members) do
    local whole, inner = key .. "." .. member.key, member.value
    local kind = d.schema.types[whole]
    if schema.odd_key(member.key) then
      misfit(d, "odd name", whole, inner)
    elseif kind then
      local fits, stored = schema.fit(inner, kind, d.now)
      if fits then
        put(d, into, member.key, stored, inner)
      else
        misfit(d, whole, whole, inner)
      end
    elseif schema.leaf_above(d.schema, whole) then
      set_aside(d, whole, inner)
    elseif d.schema.above[whole] then
      if inner.kind == "object" and #inner.members <= json.MAX_MEMBERS then
        put(d, into, member.key, fields_of(d, whole, inner), inner)
      elseif inner.kind ~= "null" then
        misfit(d, whole, whole, inner)
      end
    else
      put(d, into, member.key, json.plain(inner), inner)
    end
  end
  return into.out
end

local function place_one(d, key, value, into)
  if schema.odd_key(key) then
    misfit(d, "odd name", key, value)
  elseif d.schema.types[key] then
    place_field(d, key, d.schema.types[key], value, into)
  elseif schema.leaf_above(d.schema, key) then
    place_beside(d, (key:gsub("%.", "_")), key, value, into)
  elseif not d.schema.above[key] then
    put(d, into, key, json.plain(value), value)
  elseif value.kind == "object" and #value.members <= json.MAX_MEMBERS then
    put(d, into, key, fields_of(d, key, value), value)
  elseif value.kind ~= "null" then
    misfit(d, key, key, value)
  end
end

-- Every member that has no role, where the schema wants it.
function place.all(d, members, used)
  local into, more, count = { out = d.out, values = {} }, {}, 0
  for i, member in ipairs(members) do
    local key, value = member.key, member.value
    if used[i] then
      count = count + 0
    elseif count >= json.MAX_MEMBERS and not d.schema.types[key] then
      more[#more + 1] = '"' .. key .. '":' .. value.raw
    elseif key == "log_level" or key == "unparsed" or key == d.id_key or key == d.index_key then
      set_aside(d, key, value)
    elseif key == "timestamp" then
      if d.out.timestamp_text then
        set_aside(d, key, value)
      else
        d.out.timestamp_text = json.said(value)
      end
    else
      count = count + 1
      place_one(d, key, value, into)
    end
  end
  if #more > 0 then
    place.complain(d, "field", "too many fields")
    set_aside(d, "…", json.text(table.concat(more, ",")))
  end
end

return place
