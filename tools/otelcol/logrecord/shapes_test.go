package logrecord

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Whole lines of the source "json": time (read: that of reading), level, message and what is marked.
var shapeCases = []struct{ name, line, at, level, message, mark string }{
	{"a byte-order mark", "\ufeff{" + stamp + `,"message":"m"}`, at, "info", "m", ""},
	{"blanks around", "  {" + stamp + `,"message":"m"}  `, at, "info", "m", ""},
	{"carriage return", "{" + stamp + `,"message":"m"}` + "\r", at, "info", "m", ""},
	{"a prefix", `orders: {"message":"m"}`, read, "info", `orders: {"message":"m"}`, "not a JSON object"},
	{"something behind", `{"message":"m"} x`, read, "info", `{"message":"m"} x`, "not a JSON object"},
	{"two objects", `{"a":1}{"b":2}`, read, "info", `{"a":1}{"b":2}`, "not a JSON object"},
	{"cut off", `{"message":"m`, read, "info", `{"message":"m`, "not a JSON object"},
	{"a list", `[1]`, read, "info", `[1]`, "not a JSON object"},
	{"nothing", ``, read, "info", ``, "not a JSON object"},
	{"an empty object", `{}`, read, "info", `{}`, ""},
	{"message as an object", `{"message":{"service":"evil","level":"error","log.record.uid":"x"}}`, read, "info", `{"service":"evil","level":"error","log.record.uid":"x"}`, ""},
	{"message as a list", `{"message":["a",1]}`, read, "info", `["a",1]`, ""},
	{"message as a number", `{"message":1178291287366377482}`, read, "info", "1178291287366377482", ""},
	{"message null, msg there", `{"message":null,"msg":"m"}`, read, "info", "m", ""},
	{"message empty", `{"message":""}`, read, "info", "", ""},
	{"a zero time", `{"timestamp":"0001-01-01T00:00:00Z","message":"m"}`, read, "info", "m", "time outside the window"},
	{"never", `{"timestamp":"9999-12-31T23:59:59Z","message":"m"}`, read, "info", "m", "time outside the window"},
	{"a board without a clock", `{"timestamp":"1970-01-01T00:00:05Z","message":"m"}`, read, "info", "m", "time outside the window"},
	{"1999", `{"time":"1999-12-31T23:59:59Z","message":"m"}`, read, "info", "m", "time outside the window"},
	{"zero", `{"ts":0,"message":"m"}`, read, "info", "m", "time outside the window"},
	{"negative", `{"ts":-62135596800,"message":"m"}`, read, "info", "m", "time outside the window"},
	{"the largest number", `{"ts":9223372036854775807,"message":"m"}`, read, "info", "m", "time outside the window"},
	{"two days ahead", `{"time":"2026-11-27T12:00:01Z","message":"m"}`, read, "info", "m", "time outside the window"},
	{"an hour ahead", `{"time":"2026-11-25T13:00:00Z","message":"m"}`, "2026-11-25T13:00:00Z", "info", "m", ""},
	{"a week ago", `{"time":"2026-11-18T13:00:00Z","message":"m"}`, "2026-11-18T13:00:00Z", "info", "m", ""},
	{"older than retention", `{"time":"2026-10-18T13:00:00Z","message":"m"}`, read, "info", "m", "time outside the window"},
	{"a time that is none", `{"timestamp":"yesterday","message":"m"}`, read, "info", "m", "time not understood"},
	{"another key has it", `{"timestamp":"11:27:15","@timestamp":"2026-11-25T11:27:15.696Z","message":"m"}`, at, "info", "m", ""},
	{"time is a duration", `{"time":0.25,` + stamp + `,"message":"m"}`, at, "info", "m", ""},
	{"an unsure key is no time", `{"t":"tea","date":"soon","message":"m"}`, read, "info", "m", ""},
	{"a time zone of its own", `{"time":"2026-11-25T11:27:15 CET","message":"m"}`, read, "info", "m", "time not understood"},
	{"an unknown level", `{"level":"chatty","message":"m"}`, read, "chatty", "m", "level not understood"},
	{"a small number", `{"level":3,"message":"m"}`, read, "3", "m", "level not understood"},
	{"a level that is an object", `{"level":{"a":1},"message":"m"}`, read, "info", "m", ""},
	{"a name beside a number", `{"level":400,"level_name":"ERROR","message":"m"}`, read, "error", "m", ""},
	{"Python's number", `{"levelno":50,"message":"m"}`, read, "critical", "m", ""},
	{"a level with blanks", `{"level":" WARN ","message":"m"}`, read, "warning", "m", ""},
	{"nested level", `{"log":{"level":"ERROR"},"message":"m"}`, read, "error", "m", ""},
	{"a time under another name", `{"when":"2026-11-25T11:27:15.696Z","message":"m"}`, read, "info", "m", "time not understood"},
	{"a time under another name beside the time", `{"expires":"2026-11-25T11:27:15.696Z",` + stamp + `,"message":"m"}`, at, "info", "m", ""},
	{"an id is no time", `{"order":"1764070035","message":"m"}`, read, "info", "m", ""},
	{"a level under another name", `{"sev":"ERROR",` + stamp + `,"message":"m"}`, at, "info", "m", "level not understood"},
	{"a level under another name beside the level", `{"kind":"error","level":"info",` + stamp + `,"message":"m"}`, at, "info", "m", ""},
	{"a single letter", `{"level":"E","message":"m"}`, read, "error", "m", ""},
}

func TestShapes(t *testing.T) {
	r := newTest(t, testConfig())
	for _, c := range shapeCases {
		got := made(t, r, "json", c.line)
		mark, _ := got["parse_error"].(string)
		if got["at"] != c.at || got["log_level"] != c.level || got["message"] != c.message || mark != c.mark {
			t.Errorf("%s: got %v, want %s %s %q %q", c.name, got, c.at, c.level, c.message, c.mark)
		}
		if strings.HasPrefix(c.mark, "time") && got["timestamp_text"] == nil {
			t.Errorf("%s: what was written is lost: %v", c.name, got)
		}
		if got["timestamp"] != nil {
			t.Errorf("%s: a second time: %v", c.name, got)
		}
	}
}

// Whatever a line holds, each of its words is in the record, and it costs little time.
func TestDeepAndWideObjectsAreBounded(t *testing.T) {
	r := newTest(t, testConfig())
	var wide, odd strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&wide, `,"k%d":"v%d"`, i, i)
		fmt.Fprintf(&odd, `,".k%d":"v%d"`, i, i)
	}
	for name, line := range map[string]string{
		"deep list":    `{"message":"m","x":` + strings.Repeat("[", 50_000) + `"v19999"` + strings.Repeat("]", 50_000) + `}`,
		"deep object":  `{"message":"m","x":` + strings.Repeat(`{"a":`, 30_000) + `"v19999"` + strings.Repeat("}", 30_000) + `}`,
		"wide":         `{"message":"m"` + wide.String() + `}`,
		"wide inside":  `{"message":"m","x":{"y":1` + wide.String() + `}}`,
		"wide and odd": `{"message":"m"` + odd.String() + `}`,
		"a long key":   `{"message":"m","` + strings.Repeat("k", 100_000) + `":"v19999"}`,
	} {
		begin := time.Now()
		got := made(t, r, "json", line)
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		out, _ := json.Marshal(got)
		if got["message"] != "m" || !strings.Contains(string(out), "v19999") || name != "deep list" && name != "deep object" && name != "a long key" && !strings.Contains(string(out), "v600") {
			t.Errorf("%s: lost something: %.300s", name, out)
		}
	}
}

func TestTheParserAgreesWithTheStandardLibrary(t *testing.T) {
	for _, c := range fieldCases {
		agree(t, `{`+c.line+`}`)
	}
}

func agree(t *testing.T, line string) {
	t.Helper()
	var want map[string]json.RawMessage
	if json.Unmarshal([]byte(line), &want) != nil {
		parseObject(line) // more lenient, and never panics
		return
	}
	members, ok := parseObject(line)
	if !ok {
		t.Fatalf("%q is JSON", line)
	}
	found := map[string]string{}
	for _, m := range members {
		found[m.key] = m.value.raw
	}
	if len(found) != len(want) {
		t.Fatalf("%q: %d keys, want %d", line, len(found), len(want))
	}
}

func FuzzLines(f *testing.F) {
	r := newTest(f, testConfig())
	for _, c := range fieldCases {
		f.Add(`{` + c.line + `}`)
	}
	for _, c := range shapeCases {
		f.Add(c.line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		agree(t, line)
		for _, source := range []string{"json", "text", "regex"} {
			got := made(t, r, source, line)
			for key := range got {
				if oddKey(key) {
					t.Fatalf("%q has %q", line, key)
				}
			}
		}
	})
}

func TestPatternsAndZones(t *testing.T) {
	r := newTest(t, testConfig())
	got := made(t, r, "regex", "2026-11-25T11:27:15.696Z WARN went well")
	if got["at"] != at || got["log_level"] != "warning" || got["message"] != "went well" || got["user"] != nil {
		t.Errorf("got %v", got)
	}
	if got := made(t, r, "regex", "no"); got["parse_error"] != "does not match the pattern" || got["message"] != "no" {
		t.Errorf("got %v", got)
	}
	if got := made(t, r, "berlin", `{"time":"2026-11-25 12:27:15,696","message":"m"}`); got["at"] != at {
		t.Errorf("got %v", got)
	}
	if got := made(t, r, "unknown", "plain"); got["message"] != "plain" {
		t.Errorf("got %v", got)
	}
}

// The id of an earlier release, so that an update does not double what is read again.
func TestTheIdIsThatOfFileOffsetAndText(t *testing.T) {
	r := newTest(t, testConfig())
	ids := func(path, text, given string) string {
		logs := lines("json", text)
		attributes := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes()
		attributes.PutStr("log.file.path", path)
		if given != "" {
			attributes.PutStr("log.record.uid", given)
		}
		logs, err := r.logs(context.Background(), logs)
		if err != nil {
			t.Fatal(err)
		}
		return textAt(logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes(), "log.record.uid")
	}
	plain := ids("/a/x.log", "{}", "")
	if plain != "5e3c5b4a2a4d1f2b7a7f0c6f6ab6b8f0" && len(plain) != 64 {
		t.Errorf("got %s", plain)
	}
	if ids("/a/x.log.1", "{}", "") != plain || ids("/a/y.log", "{}", "") == plain || ids("/a/x.log", "{ }", "") == plain {
		t.Error("the id is not that of the line")
	}
	if got := ids("/a/x.log", `{"log.record.uid":"mine"}`, "reader"); got != "reader" {
		t.Errorf("a line chose its id: %s", got)
	}
}

func TestSamplingGoesByTraceAndByLevelsThatWereSaid(t *testing.T) {
	config := testConfig()
	config.Sampling = map[string]float64{"debug": 0.25, "info": 0}
	r := newTest(t, config)
	var texts []string
	for i := range 400 {
		for _, level := range []string{"debug", "DEBUG", "info", "warning", "error", "odd"} {
			texts = append(texts, fmt.Sprintf(`{"level":%q,"trace_id":"%032x","n":%d}`, level, i, len(texts)))
		}
	}
	logs, err := r.logs(context.Background(), lines("json", append(texts, "no level")...))
	if err != nil {
		t.Fatal(err)
	}
	levels, traces := map[string]int{}, map[string]int{}
	for _, record := range logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		level := textAt(record.Attributes(), "log_level")
		levels[level]++
		if level == "debug" {
			traces[textAt(record.Attributes(), "trace_id")]++
		}
	}
	if levels["info"] != 1 || levels["warning"] != 400 || levels["error"] != 400 || levels["odd"] != 400 || levels["debug"] < 120 || levels["debug"] > 280 {
		t.Errorf("got %v", levels)
	}
	for trace, count := range traces {
		if count != 2 {
			t.Errorf("trace %s: %d of 2", trace, count)
		}
	}
	if _, err := r.logs(context.Background(), lines("json", `{"level":"info"}`)); err == nil {
		t.Error("an empty batch is passed on")
	}
}

func TestARecordThatComesParsedIsInTheSchemaToo(t *testing.T) {
	r := newTest(t, testConfig())
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "cart")
	record := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.Body().SetStr("the message")
	record.SetTimestamp(pcommon.NewTimestampFromTime(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)))
	record.SetSeverityNumber(plog.SeverityNumberError2)
	attributes := record.Attributes()
	attributes.PutStr("log.record.uid", "given")
	attributes.PutStr("http_status", "odd")
	attributes.PutStr("service.version", "7")
	attributes.PutStr("", "x")
	attributes.PutInt("order_id", 1178291287366377482)
	if _, err := r.logs(context.Background(), logs); err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(record.Attributes().AsRaw())
	want := `{"datacentre":"here","env":"local","log.record.uid":"given","log_level":"error","order_id":1178291287366377482,` +
		`"parse_error":["time outside the window","field: http_status","field: odd name"],"service":"cart","service_version":"7","team":"shop",` +
		`"timestamp_text":"1999-01-01T00:00:00Z","unparsed":{"":"x","http_status":"odd"}}`
	if string(got) != want || record.Body().Str() != "the message" || !record.Timestamp().AsTime().Equal(now) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestConfigIsRefusedByName(t *testing.T) {
	for part, change := range map[string]func(*Config){
		"id_attribute":       func(c *Config) { c.IDAttribute = "" },
		"sources.x.format":   func(c *Config) { c.Sources = map[string]Source{"x": {Format: "xml"}} },
		"sources.x.pattern":  func(c *Config) { c.Sources = map[string]Source{"x": {Format: "regex", Pattern: "("}} },
		"has no group":       func(c *Config) { c.Sources = map[string]Source{"x": {Format: "regex", Pattern: "a"}} },
		"sources.x.timezone": func(c *Config) { c.Sources = map[string]Source{"x": {Format: "text", Timezone: "Mars"}} },
		"fields.x":           func(c *Config) { c.Fields = map[string]string{"x": "number"} },
		"sampling.debug":     func(c *Config) { c.Sampling = map[string]float64{"debug": 2} },
		"window":             func(c *Config) { c.Window = Window{} },
	} {
		config := testConfig()
		change(config)
		if err := config.Validate(); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: got %v", part, err)
		}
	}
}

func BenchmarkLine(b *testing.B) {
	r := newTest(b, testConfig())
	line := `{"timestamp":"2026-11-25T11:27:15.696123Z","log_level":"info","message":"order placed","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","order_id":"o-17","http_status":200,"duration_ms":1.5}`
	for b.Loop() {
		if _, err := r.logs(context.Background(), lines("json", line)); err != nil {
			b.Fatal(err)
		}
	}
}
