-- Blots patterns out of a record: texts, numbers, names of fields, at any depth, and behind the escapes of URLs, JSON
-- and HTML. It has to be the last that touches a text before it is stored.
local cards = require("cards")
local json = require("json")
local regex = require("regex")
local scrub = {}

local MAX_LAYERS = 3 -- a URL inside JSON inside a string of JSON

local SOON = { n = " ", r = " ", t = " ", b = " ", f = " ", ["\\"] = "\\", ["/"] = "/", ['"'] = '"', ["'"] = "'" }
local WIDTHS = { x = 2, u = 4, U = 8 }
local NAMES = { nbsp = " ", amp = "&", commat = "@" }

-- What the escape at `at` stands for, and its width; nil where there is none.
local function unescape(text, at)
  local c, after = text:sub(at, at), text:sub(at + 1, at + 1)
  if c == "%" then
    local digits = text:match("^%x%x", at + 1)
    return digits and string.char(tonumber(digits, 16)), 3
  elseif c == "\\" then
    local width = WIDTHS[after]
    if not width then
      return SOON[after], 2
    end
    local digits = text:match("^" .. ("%x"):rep(width), at + 2)
    local code = digits and tonumber(digits, 16)
    if not code or code > 0x10FFFF then
      return nil
    end
    return width == 2 and string.char(code) or json.utf8_of(code), width + 2
  end
  local name, stop = text:sub(at, at + 11):match("^&([^;]*);()")
  if not name then
    return nil
  elseif NAMES[name] then
    return NAMES[name], stop - 1
  end
  local code = name:match("^#[xX](%x+)$")
  code = code and tonumber(code, 16) or tonumber(name:match("^#(%d+)$") or "")
  return code and code <= 0x10FFFF and json.utf8_of(code) or nil, stop - 1
end

-- The text decoded once more, and for each of its bytes where in the original it comes from.
local function peel(text, from)
  if not text:find("[%%\\&]") then
    return nil
  end
  local out, origins, at, decoded_any = {}, {}, 1, false
  while at <= #text do
    local stop = text:find("[%%\\&]", at) or #text + 1
    out[#out + 1] = text:sub(at, stop - 1)
    for i = at, stop - 1 do
      origins[#origins + 1] = from and from[i] or i
    end
    at = stop
    if at <= #text then
      local decoded, width = unescape(text, at)
      if not decoded then
        decoded, width = text:sub(at, at), 1
      else
        decoded_any = true
      end
      out[#out + 1] = decoded
      for _ = 1, #decoded do
        origins[#origins + 1] = from and from[at] or at
      end
      at = at + width
    end
  end
  origins[#origins + 1] = from and from[#text + 1] or #text + 1
  if decoded_any then
    return table.concat(out), origins
  end
end

-- Where spans of the decoded text stand in the original. What was decoded together goes together.
local function outer(spans, from)
  local found = {}
  for _, span in ipairs(spans) do
    local stop = span[2]
    while from[stop] and from[stop] == from[stop - 1] do
      stop = stop + 1
    end
    local first, last = from[span[1]], from[stop] or from[#from]
    local before = found[#found]
    if before and first < before[2] then
      before[2] = math.max(before[2], last)
    else
      found[#found + 1] = { first, last }
    end
  end
  return found
end

-- Without spans in which the replacement stands already.
local function outside(text, spans, replacement)
  local kept = {}
  for _, span in ipairs(spans) do
    local first = math.max(1, span[1] - #replacement)
    local at = replacement ~= "" and text:sub(first, span[2] + #replacement - 1):find(replacement, 1, true)
    local begin = at and first + at - 1
    if not (begin and begin < span[2] and begin + #replacement > span[1]) then
      kept[#kept + 1] = span
    end
  end
  return kept
end

local function replaced(text, spans, replacement)
  local out, at = {}, 1
  for _, span in ipairs(spans) do
    out[#out + 1] = text:sub(at, span[1] - 1) .. replacement
    at = span[2]
  end
  return table.concat(out) .. text:sub(at)
end

local function matches(program, text)
  local found, at = {}, 1
  while at <= #text + 1 do
    local first, stop = regex.find(program, text, at)
    if not first then
      break
    elseif stop > first then
      found[#found + 1] = { first, stop }
      at = stop
    else
      at = first + 1
    end
  end
  return found
end

-- The part of a match whose digits pass the check, where the whole does not.
local function valid_part(program, text, first, stop, valid)
  for from = first, stop - 1 do
    if text:find("^%d", from) and (from == first or not text:find("^%d", from - 1)) then
      for to = stop, from + 1, -1 do
        if text:find("^%d", to - 1) and not text:find("^%d", to) then
          local part = text:sub(from, to - 1)
          if regex.whole(program, part) and valid((part:gsub("%D", ""))) then
            return { from, to }
          end
        end
      end
    end
  end
end

-- Matches whose digits pass a check. One that fails may hide one that passes: then its parts are tried, and after
-- that what begins one character on.
local function checked(program, text, valid)
  local found, at = {}, 1
  while at <= #text do
    local first, stop = regex.find(program, text, at)
    if not first then
      break
    end
    local part = valid((text:sub(first, stop - 1):gsub("%D", ""))) and { first, stop }
    part = part or valid_part(program, text, first, stop, valid)
    if part and part[2] > part[1] then
      found[#found + 1] = part
      at = part[2]
    else
      at = first + 1
    end
  end
  return found
end

local VALID = {
  luhn = cards.luhn,
  card = function(digits)
    return cards.issued(digits) ~= nil and cards.luhn(digits)
  end,
}

local function find(rule, text, key)
  if not rule.program then
    local _, digits = text:gsub("[%d\128-\255]", "")
    return digits >= 12 and cards.find(text, key) or {}
  elseif rule.check then
    return checked(rule.program, text, VALID[rule.check])
  end
  return matches(rule.program, text)
end

-- The text without any match. `key` is the field whose value it is: it tells what a number is about.
function scrub.text(rules, text, key)
  for _, rule in ipairs(rules) do
    local spans = find(rule, text, key)
    if #spans > 0 then
      text = replaced(text, spans, rule.replacement)
    end
    local depth = 1
    while depth <= MAX_LAYERS do
      local inner, from = text, nil
      for _ = 1, depth do
        if inner then
          inner, from = peel(inner, from)
        end
      end
      if not inner then
        break
      end
      spans = outside(text, outer(find(rule, inner, key), from), rule.replacement)
      if #spans > 0 then
        text = replaced(text, spans, rule.replacement)
      end
      depth = depth + 1
    end
  end
  return text
end

-- One of the ways in which a key is written: X-Transaction-Id and transaction.id name the same.
local function plain_key(key)
  return (key:gsub("[.%-_]", "")):lower()
end

function scrub.ids(keys)
  local set = {}
  for _, key in ipairs(keys) do
    set[plain_key(key)] = true
  end
  return set
end

local UUID = "^" .. ("%x"):rep(8) .. ("%-" .. ("%x"):rep(4)):rep(3) .. "%-" .. ("%x"):rep(12) .. "$"

-- Whether a value is left alone for its key and its form: a UUID, a ULID, 16 to 128 hexadecimal digits.
local function is_whole_id(ids, key, text, beside)
  local plain = plain_key(key)
  if not ids[plain] then
    return false
  elseif #text == 36 and text:find(UUID) or #text == 26 and text:find("^[0-7]%w+$") then
    return true
  elseif #text >= 16 and #text <= 128 and not text:find("[^%x]") and (text:find("%a") or #text >= 32) then
    return true
  end
  -- 16 digits may be a card as well as a span's id; then a trace's id stands beside them.
  local trace = beside.trace_id
  return plain:find("spanid$") and #text == 16 and not text:find("%D") and type(trace) == "string" and #trace == 32
end

local function decimal(number)
  return number == math.floor(number) and math.abs(number) < 1e21 and ("%.0f"):format(number) or ("%.15g"):format(number)
end

local table_of

local function value_of(rules, ids, value, key)
  if type(value) == "table" then
    return table_of(rules, ids, value, key)
  elseif type(value) == "number" then
    local text = decimal(value)
    local clean = scrub.text(rules, text, key)
    return clean ~= text and clean or value
  end
  return type(value) == "string" and scrub.text(rules, value, key) or value
end

-- Scrubbed in place; a name that holds a match gets a number where another became the same.
function table_of(rules, ids, record, key)
  local renamed, kept = {}, {}
  for name, value in pairs(record) do
    local own = type(name) == "string" and name or key
    if type(value) ~= "string" or not is_whole_id(ids, own, value, record) then
      kept[name] = value_of(rules, ids, value, own)
    end
    if type(name) == "string" then
      local clean = scrub.text(rules, name, "")
      if clean ~= name then
        renamed[#renamed + 1] = { name, clean }
      end
    end
  end
  for name, value in pairs(kept) do
    record[name] = value
  end
  table.sort(renamed, function(a, b) return a[1] < b[1] end)
  for _, pair in ipairs(renamed) do
    local value, name, number = record[pair[1]], pair[2], 2
    record[pair[1]] = nil
    while record[name] ~= nil do
      name, number = pair[2] .. "-" .. number, number + 1
    end
    record[name] = value
  end
  return record
end

function scrub.record(rules, ids, record)
  return table_of(rules, ids, record, "")
end

return scrub
