-- Card numbers: bare or in the usual groupings, with a valid check digit, an issuer's first digits and a length that
-- this issuer has. Each way to read the digits is tried, so that one that fails hides no other. The same as the
-- collector's processor `scrub`.
local cards = {}

local SHORTEST, LONGEST = 12, 19
local NEARBY = 48 -- how far before a number its name may stand

local function word_set(list)
  local set = {}
  for word in list:gmatch("%S+") do
    set[word] = true
  end
  return set
end

local CARD_WORDS = word_set([[card cards cardno cardnum cardnumber ccno ccnum ccnumber cc pan credit debit creditcard
  debitcard visa mastercard maestro amex diners discover jcb unionpay rupay troy mir verve elo
  karte kartennummer kreditkarte carte tarjeta carta cartao kort kaart kaartnummer]])
-- In the name or right before the number they say that it is something else; units do so right after it.
local OTHER_WORDS = word_set([[byte bytes size length offset duration elapsed nanos micros millis ns us ms nanoseconds
  microseconds milliseconds timestamp phone tel telephone mobile msisdn fax imei imsi iccid]])
local UNITS = word_set([[b kb mb gb tb pb kib mib gib tib byte bytes bit bits ns us ms nanos micros millis nanoseconds
  microseconds milliseconds records rows lines]])

local function lengths(...)
  local set = {}
  for _, length in ipairs({ ... }) do
    set[length] = true
  end
  return set
end

local NONE, LONG, MANY = lengths(), lengths(17, 18, 19), lengths(12, 13, 14, 15, 17, 18, 19)
local SIXTEEN, DINERS, AMEX = lengths(16), lengths(14, 16), lengths(15)
-- First six digits, the lengths that are usual, and those that ids, times and counts have far more often (ISO/IEC
-- 7812, what the networks publish).
local ISSUERS = {
  { 220000, 220499, SIXTEEN, LONG }, -- Mir
  { 222100, 272099, SIXTEEN, NONE }, -- Mastercard
  { 300000, 305999, DINERS, LONG },
  { 309500, 309599, DINERS, LONG },
  { 340000, 349999, AMEX, NONE },
  { 352800, 358999, SIXTEEN, LONG }, -- JCB
  { 360000, 369999, DINERS, lengths(15, 17, 18, 19) },
  { 370000, 379999, AMEX, NONE },
  { 380000, 399999, DINERS, LONG },
  { 400000, 499999, SIXTEEN, lengths(13, 18, 19) }, -- Visa
  { 500000, 509999, SIXTEEN, MANY }, -- Maestro, Elo, Verve, RuPay, Dankort
  { 510000, 559999, SIXTEEN, NONE }, -- Mastercard
  { 560000, 589999, SIXTEEN, MANY }, -- Maestro
  { 600000, 699999, SIXTEEN, MANY }, -- Discover, UnionPay, Maestro, RuPay, Elo
  { 810000, 829999, SIXTEEN, LONG }, -- UnionPay, RuPay
  { 860000, 860099, SIXTEEN, NONE }, -- Uzcard
  { 979200, 979289, SIXTEEN, NONE }, -- Troy
  { 986000, 986099, SIXTEEN, NONE }, -- Humo
}

-- "usual", "rare" or nil for digits that no issuer gives out.
function cards.issued(digits)
  if #digits < SHORTEST or #digits > LONGEST then
    return nil
  end
  local prefix = tonumber(digits:sub(1, 6))
  for _, issuer in ipairs(ISSUERS) do
    if prefix >= issuer[1] and prefix <= issuer[2] then
      if issuer[3][#digits] then
        return "usual"
      elseif issuer[4][#digits] then
        return "rare"
      end
    end
  end
end

-- The last digit checks the others (ISO/IEC 7812, annex B).
function cards.luhn(digits)
  local sum = 0
  for i = 0, #digits - 1 do
    local value = digits:byte(#digits - i) - 48
    if i % 2 == 1 then
      value = value * 2 > 9 and value * 2 - 9 or value * 2
    end
    sum = sum + value
  end
  return #digits >= 2 and sum % 10 == 0
end

local GROUPINGS = {
  { 4, 4, 4, 4 }, { 4, 6, 5 }, { 4, 4, 4, 3 }, { 4, 6, 4 }, { 4, 4, 4, 2 }, { 4, 4, 4, 4, 3 }, { 4, 4, 4, 4, 2 },
  { 4, 4, 4, 4, 1 }, { 6, 13 }, { 4, 3, 3, 3 }, { 4, 4, 5 }, { 4, 4, 4 },
}

local function code_of(text, at)
  local a, b, c = text:byte(at, at + 2)
  if a and a >= 0xC2 and a < 0xE0 and b then
    return a % 32 * 64 + b % 64, 2
  elseif a and a >= 0xE0 and a < 0xF0 and b and c then
    return (a % 16 * 64 + b % 64) * 64 + c % 64, 3
  end
  return 0, 1
end

-- A decimal digit, of another script too where keyboards write it.
local function digit(text, at)
  local c = text:byte(at)
  if not c or c < 0x80 then
    return c and c >= 48 and c <= 57 and string.char(c) or nil, 1
  end
  local code, width = code_of(text, at)
  for _, zero in ipairs({ 0x0660, 0x06F0, 0x0966, 0xFF10 }) do
    if code >= zero and code <= zero + 9 then
      return tostring(code - zero), width
    end
  end
end

local DASHES = {}
for _, code in ipairs({
  0xA0, 0xAD, 0x058A, 0x05BE, 0x061C, 0x1400, 0x1680, 0x1806, 0x180E, 0x202F, 0x205F, 0x2212, 0x2E17, 0x2E1A, 0x2E3A,
  0x2E3B, 0x2E40, 0x2E5D, 0x3000, 0x301C, 0x3030, 0x30A0, 0xFE31, 0xFE32, 0xFE58, 0xFE63, 0xFF0D, 0xFEFF,
}) do
  DASHES[code] = true
end

-- The width of what may stand between two groups: a blank, a dash, a full stop, ...; 0 where none does.
local function separator(text, at)
  if text:sub(at, at + 2) == " - " then
    return 3
  elseif text:find("^[ %-._+\t]", at) then
    return 1
  end
  local code, width = code_of(text, at)
  local blank = code >= 0x2000 and code <= 0x2015 or code >= 0x202A and code <= 0x202E
  return (DASHES[code] or blank or code >= 0x2060 and code <= 0x206F) and width or 0
end

-- The next chain of groups of digits with one separator between each two, and where it ends.
local function read(text, at)
  local digits, groups, dotted = {}, {}, false
  while at <= #text do
    local start, first = at, #digits
    local found, width = digit(text, at)
    while found do
      digits[#digits + 1] = found
      at = at + width
      found, width = digit(text, at)
    end
    if at > start then
      groups[#groups + 1] = { start = start, stop = at, first = first + 1, last = #digits, dotted = dotted }
      width = separator(text, at)
      if width == 0 then
        break
      end
      dotted = text:sub(at, at) == "."
      at = at + width
    elseif #groups > 0 then
      break
    else
      at = text:find("[%d\128-\255]", at + 1) or #text + 1
    end
  end
  return { text = text, digits = table.concat(digits), groups = groups }, at
end

local function any_word(text, set)
  for run in text:gmatch("%a+") do
    -- A capital inside a word begins another, as in cardNumber.
    if set[run:lower()] then
      return true
    end
    for part in run:gsub("(%l)(%u)", "%1 %2"):gmatch("%S+") do
      if set[part:lower()] then
        return true
      end
    end
  end
  return false
end

local function last_word(text)
  local word = text:match("(%a+)%A*$")
  return word and (word:gsub("^.*%l(%u)", "%1")):lower()
end

-- What stands around a number: a word for cards speaks for it; the plus sign of a telephone number, a unit or the
-- name of a count against it.
local function spoken_of(chain, key, first, last, standing)
  local text, start, stop = chain.text, chain.groups[first].start, chain.groups[last].stop
  local from = math.max(1, start - NEARBY)
  while from > 1 and from < start and text:find("^%a", from - 1) do
    from = from + 1 -- no word is cut
  end
  local before = text:sub(from, start - 1)
  if any_word(before, CARD_WORDS) or any_word(key, CARD_WORDS) then
    return true
  elseif standing == "rare" then
    return false
  end
  local count = chain.groups[last].last - chain.groups[first].first + 1
  if count <= 15 and before:find("%+$") and not before:find("%w%+$") then
    return false
  end
  local after = text:sub(stop):gsub("^ ", "", 1):gsub("^\194\160", "", 1):match("^%a*")
  if UNITS[after:lower()] then
    return false
  elseif last > first then
    return true -- no count is written in a card's groups
  end
  local word = last_word(before)
  if word then
    return not OTHER_WORDS[word]
  end
  return not any_word(key, OTHER_WORDS)
end

-- The letters and digits that touch a piece of text.
local function attached(text, start, stop)
  return text:sub(math.max(1, start - 64), start - 1):match("%w*$"), text:match("^%w*", stop)
end

-- Nothing or letters alone may touch a grouped number, but no letters with digits, as in a UUID.
local function edge_token(text, start, stop)
  local left, right = attached(text, start, stop)
  return not left:find("%d") and not right:find("%d")
end

-- Letters that make the whole a hexadecimal number, as long as an id is, make it no card.
local function bare_token(text, start, stop)
  local left, right = attached(text, start, stop)
  if left == "" and right == "" then
    return true
  elseif left:find("%d") or right:find("%d") then
    return false
  elseif left:find("[^%x]") or right:find("[^%x]") then
    return true
  end
  local whole = #left + stop - start + #right
  return whole ~= 16 and whole < 24
end

-- Whether the group is the whole part of a decimal. One of zeros alone (4111111111111111.0) is what is left of a card
-- that was read as a number.
local function fraction(chain, i)
  local next_one = chain.groups[i + 1]
  if not next_one or not next_one.dotted then
    return false
  elseif chain.digits:sub(next_one.first, next_one.last):find("[^0]") then
    return true
  end
  return chain.groups[i + 2] ~= nil and chain.groups[i + 2].dotted
end

local function bare(chain, key, i)
  local group = chain.groups[i]
  local digits = chain.digits:sub(group.first, group.last)
  local standing = cards.issued(digits)
  if not standing or not cards.luhn(digits) or group.dotted or fraction(chain, i) then
    return false
  end
  return bare_token(chain.text, group.start, group.stop) and spoken_of(chain, key, i, i, standing)
end

-- Whether the chain is the tail of an international account number, DE89 3704 0044 0532 0130 00.
local function iban(chain)
  local first = chain.groups[1]
  if first.last - first.first ~= 1 or not chain.text:sub(1, first.start - 1):find("%u%u$") then
    return false
  end
  return not chain.text:sub(1, first.start - 1):find("%a%u%u$")
end

local function grouped(chain, key, i, grouping)
  for offset, length in ipairs(grouping) do
    local group = chain.groups[i + offset - 1]
    if not group or group.last - group.first + 1 ~= length then
      return false
    end
  end
  local last = i + #grouping - 1
  local digits = chain.digits:sub(chain.groups[i].first, chain.groups[last].last)
  local standing = cards.issued(digits)
  if not standing or not cards.luhn(digits) then
    return false
  end
  if standing == "rare" and #digits > 16 then
    standing = "usual" -- nobody writes an id or a time so
  end
  local free = edge_token(chain.text, chain.groups[i].start, chain.groups[last].stop)
  return free and not iban(chain) and spoken_of(chain, key, i, last, standing)
end

-- Where a card number that group i begins ends, written with an exponent: 4.111111111111111e+15.
local function float(chain, i)
  local one, two = chain.groups[i], chain.groups[i + 1]
  if not two or one.first ~= one.last or one.dotted or not two.dotted then
    return nil
  end
  local mantissa = chain.digits:sub(one.first, two.last)
  local exponent, stop = chain.text:match("^[eE]%+?(%d+)()", two.stop)
  local power = exponent and #exponent < 3 and tonumber(exponent)
  if #mantissa < SHORTEST - 1 or #mantissa > LONGEST or not power then
    return nil
  elseif power + 1 < #mantissa or power + 1 > LONGEST then
    return nil
  end
  local digits = mantissa .. ("0"):rep(power + 1 - #mantissa)
  return cards.issued(digits) == "usual" and cards.luhn(digits) and stop or nil
end

-- Spans { start, stop (exclusive) } that ascend and lie apart.
local function merged(spans)
  table.sort(spans, function(a, b) return a[1] < b[1] end)
  local out = {}
  for _, span in ipairs(spans) do
    local last = out[#out]
    if last and span[1] < last[2] then
      last[2] = math.max(last[2], span[2])
    else
      out[#out + 1] = span
    end
  end
  return out
end
cards.merged = merged

function cards.find(text, key)
  local found, at, chain = {}, 1, nil
  while at <= #text do
    chain, at = read(text, at)
    for i, group in ipairs(#chain.digits >= SHORTEST and chain.groups or {}) do
      if bare(chain, key, i) then
        found[#found + 1] = { group.start, group.stop }
      end
      for _, grouping in ipairs(GROUPINGS) do
        if grouped(chain, key, i, grouping) then
          found[#found + 1] = { group.start, chain.groups[i + #grouping - 1].stop }
        end
      end
      local stop = float(chain, i)
      if stop then
        found[#found + 1] = { group.start, stop }
      end
    end
  end
  return merged(found)
end

return cards
