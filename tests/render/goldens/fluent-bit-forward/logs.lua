dofile("/conf/record.lua")
make_record = require('pipeline').new({
  ["enrichment"] = {
    ["datacentre"] = "here",
  },
  ["fields"] = {
    ["cluster"] = "keyword",
    ["datacentre"] = "keyword",
    ["duration_ms"] = "double",
    ["env"] = "keyword",
    ["http_path"] = "keyword",
    ["http_status"] = "long",
    ["log_level"] = "keyword",
    ["message"] = "text",
    ["parse_error"] = "keyword",
    ["region"] = "keyword",
    ["service"] = "keyword",
    ["span_id"] = "keyword",
    ["team"] = "keyword",
    ["timestamp"] = "date",
    ["timestamp_text"] = "keyword",
    ["trace_id"] = "keyword",
    ["transaction_id"] = "keyword",
  },
  ["id_key"] = "record_uid",
  ["index_key"] = "record_index",
  ["labels"] = {
    ["cluster"] = "workstation",
    ["env"] = "local",
    ["region"] = "local",
    ["team"] = "platform",
  },
  ["rejected"] = "logs-rejected",
  ["rules"] = {
    {
      ["check"] = "card",
      ["replacement"] = "[card]",
    },
    {
      ["program"] = {["first"] = "[%%%+%-%.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ%_abcdefghijklmnopqrstuvwxyz]", ["groups"] = {}, ["slots"] = 2, ["steps"] = {{"set", {37, 37, 43, 43, 45, 46, 48, 57, 65, 90, 95, 95, 97, 122}}, {"split", 3, 5}, {"set", {37, 37, 43, 43, 45, 46, 48, 57, 65, 90, 95, 95, 97, 122}}, {"jump", 2}, {"set", {64, 64}}, {"set", {45, 46, 48, 57, 65, 90, 97, 122}}, {"split", 8, 10}, {"set", {45, 46, 48, 57, 65, 90, 97, 122}}, {"jump", 7}, {"set", {46, 46}}, {"set", {65, 90, 97, 122}}, {"set", {65, 90, 97, 122}}, {"split", 14, 16}, {"set", {65, 90, 97, 122}}, {"jump", 13}, {"match"}}},
      ["replacement"] = "[redacted]",
    },
    {
      ["program"] = {["first"] = "[M]", ["groups"] = {}, ["slots"] = 2, ["steps"] = {{"assert", "word"}, {"set", {77, 77}}, {"set", {48, 57}}, {"set", {48, 57}}, {"set", {48, 57}}, {"set", {48, 57}}, {"set", {48, 57}}, {"set", {48, 57}}, {"set", {48, 57}}, {"set", {48, 57}}, {"set", {48, 57}}, {"set", {48, 57}}, {"assert", "word"}, {"match"}}},
      ["replacement"] = "[redacted]",
    },
  },
  ["sampling"] = {
    ["debug"] = 429496730,
  },
  ["sources"] = {
    ["logs.orders"] = {
      ["format"] = "json",
      ["forwarded"] = true,
      ["service"] = "orders",
      ["wrapped"] = false,
    },
  },
  ["whole_ids"] = {
    "record_uid",
    "http.request.header.x-transaction-id",
    "log.record.uid",
    "parent_span_id",
    "span_id",
    "trace_id",
    "transaction_id",
    "x-transaction-id",
  },
  ["window"] = {
    ["future"] = 86400,
    ["past"] = 1296000,
  },
})
