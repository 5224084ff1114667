-- What a container runtime (CRI) puts before each line: a time, a stream and a flag.
local times = require("times")
local cri = {}

local HEAD = "^(%S+) (std%a+) [FP] "

-- The line without the runtime's words, the whole that it is known by, and when it was seen.
function cri.unwrap(source, raw, seen)
  local text = tostring(raw.log or "")
  if source.forwarded then -- by the runtime itself, with the moment beside it
    local at = string.format("%d.%09d", seen.sec, seen.nsec)
    local whole = at .. " " .. tostring(raw.container_id or "") .. " " .. text
    return { text = text, whole = whole, seen = seen, runtime = true }
  end
  if not source.wrapped then
    return { text = text, whole = text, seen = seen }
  elseif raw.time then -- Fluent Bit's own parser has joined its pieces
    return { text = text, whole = raw.time .. " " .. text, seen = times.ahead(raw.time) or seen, runtime = true }
  end
  local at = text:match(HEAD)
  if not at then
    return { text = text, whole = text, seen = seen }
  end
  local plain = ("\n" .. text):gsub("\n%S+ std%a+ [FP] ", "\n"):sub(2)
  return { text = plain, whole = text, seen = times.ahead(at) or seen, runtime = true }
end

return cri
