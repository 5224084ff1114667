-- RE2's expressions, run as programs that the renderer compiled (`components/render/lua_regex.py`): in a time that
-- grows with the text alone, whatever the expression. Lua has none, and Fluent Bit offers its own to no script.
--
-- A program is a list of steps: {"set", ranges}, {"any"}, {"split", first, second}, {"jump", to}, {"save", slot},
-- {"assert", what}, {"match"}. Of several ways to match, the first in the expression's order counts (Perl's).
local regex = {}

local byte = string.byte

-- The character at `at` and its width; a byte that begins none counts as U+FFFD.
local function rune(s, at)
  local a = byte(s, at)
  if not a then
    return nil, 0
  elseif a < 0x80 then
    return a, 1
  elseif a < 0xC2 or a > 0xF4 then
    return 0xFFFD, 1
  end
  local width = a < 0xE0 and 2 or a < 0xF0 and 3 or 4
  local code = a % (width == 2 and 32 or width == 3 and 16 or 8)
  for i = 1, width - 1 do
    local b = byte(s, at + i)
    if not b or b < 0x80 or b > 0xBF then
      return 0xFFFD, 1
    end
    code = code * 64 + b - 0x80
  end
  if width == 3 and (code < 0x800 or code >= 0xD800 and code <= 0xDFFF) or width == 4 and (code < 0x10000 or code > 0x10FFFF) then
    return 0xFFFD, 1
  end
  return code, width
end

local function is_word(c)
  return c ~= nil and (c >= 48 and c <= 57 or c >= 65 and c <= 90 or c == 95 or c >= 97 and c <= 122)
end

local ASSERTS = {
  text_start = function(_, at) return at == 1 end,
  text_end = function(s, at) return at == #s + 1 end,
  line_start = function(s, at) return at == 1 or byte(s, at - 1) == 10 end,
  line_end = function(s, at) return at == #s + 1 or byte(s, at) == 10 end,
  word = function(s, at) return is_word(byte(s, at - 1)) ~= is_word(byte(s, at)) end,
  no_word = function(s, at) return is_word(byte(s, at - 1)) == is_word(byte(s, at)) end,
}

local function within(ranges, c)
  for i = 1, #ranges, 2 do
    if c >= ranges[i] and c <= ranges[i + 1] then
      return true
    end
  end
  return false
end

-- Adds a thread and all to which it leads without a character.
local function add(list, seen, steps, pc, slots, s, at)
  if seen[pc] == at then
    return
  end
  seen[pc] = at
  local step = steps[pc]
  local kind = step[1]
  if kind == "jump" then
    add(list, seen, steps, step[2], slots, s, at)
  elseif kind == "split" then
    add(list, seen, steps, step[2], slots, s, at)
    add(list, seen, steps, step[3], slots, s, at)
  elseif kind == "save" then
    local copy = { unpack(slots, 1, slots.n) }
    copy.n, copy[step[2]] = slots.n, at
    add(list, seen, steps, pc + 1, copy, s, at)
  elseif kind == "assert" then
    if ASSERTS[step[2]](s, at) then
      add(list, seen, steps, pc + 1, slots, s, at)
    end
  else
    list[#list + 1] = { pc = pc, slots = slots }
  end
end

-- The slots of the first match from `at` on: begin and end (exclusive) of the whole, then of each group.
local function run(program, s, at, anchored, whole)
  local steps, first = program.steps, program.first ~= "" and program.first or nil
  local threads, seen, matched = {}, {}, nil
  local start = at
  while true do
    if not matched and (not anchored or at == start) then
      if #threads == 0 and first and not anchored then
        at = s:find(first, at)
        if not at then
          return nil
        end
      end
      add(threads, seen, steps, 1, { n = program.slots, at }, s, at)
    end
    if #threads == 0 and (matched or anchored) then
      return matched
    end
    local c, width = rune(s, at)
    local next_threads, next_seen = {}, {}
    for _, thread in ipairs(threads) do
      local step = steps[thread.pc]
      if step[1] == "match" then
        if not whole or at == #s + 1 then
          matched = { unpack(thread.slots, 1, thread.slots.n) }
          matched[2] = at
          break
        end
      elseif c and (step[1] == "any" or within(step[2], c)) then
        add(next_threads, next_seen, steps, thread.pc + 1, thread.slots, s, at + width)
      end
    end
    if not c then
      return matched
    end
    threads, seen, at = next_threads, next_seen, at + width
  end
end

-- Begin and end (exclusive) of the first match from `at` on.
function regex.find(program, s, at)
  local slots = run(program, s, at or 1)
  if slots then
    return slots[1], slots[2]
  end
end

-- Whether all of `s` matches.
function regex.whole(program, s)
  return run(program, s, 1, true, true) ~= nil
end

-- The named groups of the first match: { {name, text} }; nil where nothing matches.
function regex.groups(program, s)
  local slots = run(program, s, 1)
  if not slots then
    return nil
  end
  local found = {}
  for _, group in ipairs(program.groups) do
    local first, stop = slots[group.slot], slots[group.slot + 1]
    found[#found + 1] = { name = group.name, text = first and stop and s:sub(first, stop - 1) or "" }
  end
  return found
end

return regex
