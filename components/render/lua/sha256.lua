-- SHA-256 (FIPS 180-4) as hexadecimal digits: ids of records, and which of them sampling keeps. The collector hashes
-- a trace's id alike, so both keep the records of the same traces.
local bit = require("bit")
local band, bxor, bnot, ror, rshift, tobit = bit.band, bit.bxor, bit.bnot, bit.ror, bit.rshift, bit.tobit

-- The first 32 bits behind the point of a root of each of the first primes.
local K, H = {}, {}
do
  local candidate = 2
  while #K < 64 do
    local prime = true
    for divisor = 2, math.floor(math.sqrt(candidate)) do
      prime = prime and candidate % divisor ~= 0
    end
    if prime then
      local cube = candidate ^ (1 / 3)
      K[#K + 1] = tobit(math.floor((cube - math.floor(cube)) * 2 ^ 32))
      local square = math.sqrt(candidate)
      if #H < 8 then
        H[#H + 1] = tobit(math.floor((square - math.floor(square)) * 2 ^ 32))
      end
    end
    candidate = candidate + 1
  end
end

local function word(n)
  return string.char(
    math.floor(n / 2 ^ 24) % 256,
    math.floor(n / 2 ^ 16) % 256,
    math.floor(n / 2 ^ 8) % 256,
    n % 256
  )
end

local function block(state, text, at, w)
  for i = 0, 15 do
    local a, b, c, d = text:byte(at + i * 4, at + i * 4 + 3)
    w[i] = tobit(((a * 256 + b) * 256 + c) * 256 + d)
  end
  for i = 16, 63 do
    local x, y = w[i - 15], w[i - 2]
    local s0 = bxor(ror(x, 7), ror(x, 18), rshift(x, 3))
    local s1 = bxor(ror(y, 17), ror(y, 19), rshift(y, 10))
    w[i] = tobit(w[i - 16] + s0 + w[i - 7] + s1)
  end
  local a, b, c, d, e, f, g, h = unpack(state)
  for i = 0, 63 do
    local s1 = bxor(ror(e, 6), ror(e, 11), ror(e, 25))
    local t1 = tobit(h + s1 + bxor(band(e, f), band(bnot(e), g)) + K[i + 1] + w[i])
    local s0 = bxor(ror(a, 2), ror(a, 13), ror(a, 22))
    local t2 = tobit(s0 + bxor(band(a, b), band(a, c), band(b, c)))
    a, b, c, d, e, f, g, h = tobit(t1 + t2), a, b, c, tobit(d + t1), e, f, g
  end
  for i, value in ipairs({ a, b, c, d, e, f, g, h }) do
    state[i] = tobit(state[i] + value)
  end
end

return function(text)
  local length = #text
  local zeros = (55 - length) % 64
  text = text .. "\128" .. ("\0"):rep(zeros) .. word(math.floor(length / 2 ^ 29)) .. word(length * 8 % 2 ^ 32)
  local state, w = { unpack(H) }, {}
  for at = 1, #text, 64 do
    block(state, text, at, w)
  end
  for i, value in ipairs(state) do
    state[i] = bit.tohex(value)
  end
  return table.concat(state)
end
