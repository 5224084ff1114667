-- What Fluent Bit calls for each record: the line of a file becomes a record of the stack.
local cri = require("cri")
local record = require("record")
local schema = require("schema")
local scrub = require("scrub")
local sha256 = require("sha256")
local pipeline = {}

-- Records of a trace stay or go together; a record that does not say its level is kept.
local function thinned_out(config, made, id)
  local limit = made.level_said and config.sampling[made.level]
  if not limit then
    return false
  end
  local trace = made.out.trace_id
  local hash = sha256(type(trace) == "string" and #trace == 32 and trace or id)
  return tonumber(hash:sub(1, 8), 16) >= limit
end

-- The id is that of the line, made before anything is done to it, so that reading it again makes the same document.
local function identify(raw, line)
  local place = line.runtime and "" or tostring(raw.offset or "")
  return sha256(tostring(raw.path or "") .. "\n" .. place .. "\n" .. line.whole)
end

local function made_of(config, source, raw, seen)
  local line = cri.unwrap(source, raw, seen)
  local id = identify(raw, line)
  local made = record.make(config, source, line.text, line.seen)
  if thinned_out(config, made, id) then
    return nil
  end
  local out = scrub.record(config.rules, config.ids, made.out)
  out[config.id_key] = id
  return out, made.at
end

-- What no record could be made of, as the text of one field with the reason, in the index of what was rejected. Where
-- even its text cannot be made safe, nothing of it is stored.
local function rejected(config, source, raw, reason)
  local safe, text = pcall(scrub.text, config.rules, tostring(raw.log or ""), "")
  local id = sha256(tostring(raw.path or "") .. "\n" .. tostring(raw.offset or "") .. "\n" .. tostring(raw.log or ""))
  return {
    [config.id_key] = id,
    [config.index_key] = config.rejected,
    message = safe and text or "",
    service = source and source.service or "",
    error = { type = "fluent_bit_filter", reason = reason },
  }
end

-- The function that Fluent Bit is to call: (tag, time, record) -> code, time, record.
function pipeline.new(config)
  config.schema = schema.new(config.fields)
  config.ids = scrub.ids(config.whole_ids)
  return function(tag, seen, raw)
    local source = config.sources[tag]
    if not source then
      return 1, seen, rejected(config, nil, raw, "of no source")
    end
    local fine, out, at = pcall(made_of, config, source, raw, seen)
    if not fine then
      -- The reason could quote the record.
      return 1, seen, rejected(config, source, raw, "the filter failed")
    elseif not out then
      return -1, seen, {}
    end
    return 1, at, out
  end
end

return pipeline
