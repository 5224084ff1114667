package logrecord

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// now is the time of every test.
var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func testConfig() *Config {
	return &Config{
		IDAttribute: "log.record.uid",
		Sources: map[string]Source{
			"json": {Format: "json"}, "text": {Format: "text"}, "berlin": {Format: "json", Timezone: "Europe/Berlin"},
			"regex": {Format: "regex", Pattern: `^(?P<time>\S+) (?P<severity>\w+)(?: (?P<user>u\w+))? (?P<message>.*)$`},
		},
		Fields: map[string]string{
			"timestamp": date_, "log_level": keyword, "message": fulltxt, "service": keyword, "trace_id": keyword, "span_id": keyword,
			"transaction_id": keyword, "env": keyword, "team": keyword, "datacentre": keyword, "parse_error": keyword,
			"order_id": keyword, "http_status": long, "duration_ms": double, "ok": boolTyp, "due": date_, "peer": ip,
			"note": fulltxt, "http.status": long, "http.peer.name": keyword,
		},
		Labels:     map[string]string{"env": "local", "team": "shop"},
		Enrichment: map[string]string{"datacentre": "here"},
		Window:     Window{Past: 15 * 24 * time.Hour, Future: 24 * time.Hour},
	}
}

func newTest(t testing.TB, config *Config) *recorder {
	t.Helper()
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	made, err := newRecorder(config, componenttest.NewNopTelemetrySettings())
	if err != nil {
		t.Fatal(err)
	}
	made.now = func() time.Time { return now }
	return made
}

func lines(source string, texts ...string) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("log.source", source)
	rl.Resource().Attributes().PutStr("service", "orders")
	sl := rl.ScopeLogs().AppendEmpty()
	for i, text := range texts {
		record := sl.LogRecords().AppendEmpty()
		record.Body().SetStr(text)
		record.SetObservedTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Second)))
		record.Attributes().PutStr("log.file.path", "/var/log/orders.log")
		record.Attributes().PutInt("log.file.record_offset", int64(i*100))
	}
	return logs
}

// made is a record as it is stored, without what the stack puts on every one.
func made(t testing.TB, r *recorder, source, line string) map[string]any {
	t.Helper()
	logs, err := r.logs(context.Background(), lines(source, line))
	if err != nil {
		t.Fatal(err)
	}
	record := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	found := record.Attributes().AsRaw()
	if found["datacentre"] != "here" || found["env"] == nil || found["log.record.uid"] == nil {
		t.Errorf("%s: not on the record: %v", line, found)
	}
	for _, key := range []string{"datacentre", "log.record.uid"} {
		delete(found, key)
	}
	for key, value := range map[string]string{"env": "local", "team": "shop", "service": "orders"} {
		if found[key] == value {
			delete(found, key)
		}
	}
	found["message"] = record.Body().AsString()
	found["at"] = record.Timestamp().AsTime().Format(time.RFC3339Nano)
	return found
}

const (
	stamp = `"timestamp":"2026-11-25T11:27:15.696Z"`
	at    = "2026-11-25T11:27:15.696Z"
	read  = "2026-11-25T11:59:59Z"
)

// Each line beside a good time, level and message; what is stored beside these.
var fieldCases = []struct{ name, line, want string }{
	{"63-bit ids", `"order_id":1178291287366377482,"n":9223372036854775807`, `{"order_id":1178291287366377482,"n":9223372036854775807}`},
	{"beyond 63 bits", `"order_id":9223372036854775808,"n":-99999999999999999999`, `{"order_id":"9223372036854775808","n":"-99999999999999999999"}`},
	{"decimals beyond float64", `"n":0.12345678901234567891,"m":0.1,"order_id":1.10`, `{"n":"0.12345678901234567891","m":0.1,"order_id":"1.10"}`},
	{"too large for a float", `"n":1e400,"duration_ms":1e400`, `{"n":"1e400","unparsed":{"duration_ms":"1e400"},"parse_error":"field: duration_ms"}`},
	{"not a number", `"n":NaN,"duration_ms":NaN,"m":-Infinity`, `{"n":"NaN","m":"-Infinity","unparsed":{"duration_ms":"NaN"},"parse_error":"field: duration_ms"}`},
	{"other languages' words", `"a":None,"b":True,"c":undefined,"d":007,"e":+5,"f":.5,"g":0x1F`, `{"a":"None","b":"True","c":"undefined","d":"007","e":"+5","f":".5","g":"0x1F"}`},
	{"a last comma", `"n":1,`, `{"n":1}`},
	{"a key twice", `"n":1,"n":2`, `{"n":2,"unparsed":{"n":"1"},"parse_error":"field: n"}`},
	{"text where a number is expected", `"http_status":"odd","n":1`, `{"n":1,"unparsed":{"http_status":"odd"},"parse_error":"field: http_status"}`},
	{"a number as text", `"http_status":"200","duration_ms":"1.5"`, `{"http_status":200,"duration_ms":1.5}`},
	{"out of long's range", `"http_status":9223372036854775808`, `{"unparsed":{"http_status":"9223372036854775808"},"parse_error":"field: http_status"}`},
	{"decimals in a long", `"http_status":1.5`, `{"http_status":1.5}`},
	{"true where a number is expected", `"http_status":true,"duration_ms":false`, `{"unparsed":{"http_status":"true","duration_ms":"false"},"parse_error":["field: http_status","field: duration_ms"]}`},
	{"an empty number", `"http_status":"","ok":"","due":""`, `{"http_status":null,"ok":null,"due":null}`},
	{"booleans", `"ok":"True"`, `{"ok":true}`},
	{"no boolean", `"ok":"yes"`, `{"unparsed":{"ok":"yes"},"parse_error":"field: ok"}`},
	{"one is no boolean", `"ok":1`, `{"unparsed":{"ok":"1"},"parse_error":"field: ok"}`},
	{"dates", `"due":1764069635`, `{"due":"2025-11-25T11:20:35Z"}`},
	{"a day", `"due":"2026-02-28"`, `{"due":"2026-02-28"}`},
	{"no day", `"due":"2026-02-30"`, `{"unparsed":{"due":"2026-02-30"},"parse_error":"field: due"}`},
	{"addresses", `"peer":"::1"`, `{"peer":"::1"}`},
	{"no address", `"peer":"10.0.0.1:80"`, `{"unparsed":{"peer":"10.0.0.1:80"},"parse_error":"field: peer"}`},
	{"lists", `"http_status":[200,"404"],"order_id":["a",1]`, `{"http_status":[200,404],"order_id":["a",1]}`},
	{"a list with one misfit", `"http_status":[200,"x"]`, `{"unparsed":{"http_status":"[200,\"x\"]"},"parse_error":"field: http_status"}`},
	{"an object in a number", `"http_status":{"code":200}`, `{"unparsed":{"http_status":"{\"code\":200}"},"parse_error":"field: http_status"}`},
	{"an object in a list of texts", `"order_id":[{"a":1}]`, `{"unparsed":{"order_id":"[{\"a\":1}]"},"parse_error":"field: order_id"}`},
	{"service.name", `"service.name":"cart","service.version":"7"`, `{"service":"cart","service_version":"7"}`},
	{"service as an object", `"service":{"name":"cart","version":"7","node":{"name":"n1"}}`, `{"service":"cart","service_version":"7","service_node":{"name":"n1"}}`},
	{"team as an object", `"team":{"id":7}`, `{"unparsed":{"team":"{\"id\":7}"},"parse_error":"field: team"}`},
	{"team as an object with a name", `"team":{"id":7,"name":"web"}`, `{"team":"web","team_id":7}`},
	{"odd names", `"":1,".a":2,"a..b":3,"a.":4," ":5,"a. .b":6`, `{"unparsed":{"":"1",".a":"2","a..b":"3","a.":"4"," ":"5","a. .b":"6"},"parse_error":["field: odd name","field: odd name","field: odd name","field: odd name","field: odd name","field: odd name"]}`},
	{"names that the store keeps for itself", `"_id":"x","_source":{"a":1}`, `{"unparsed":{"_id":"x","_source":"{\"a\":1}"},"parse_error":["field: odd name","field: odd name"]}`},
	{"odd names inside other objects", `"x":{"":1,"a..b":{".":2},"_id":3}`, `{"x":{"":1,"a..b":{".":2},"_id":3}}`},
	{"leaf and object", `"a":1,"a.b":2`, `{"a":1,"a.b":2}`},
	{"fields inside objects", `"http":{"status":"200","peer":{"name":"p","x":1},"else":true}`, `{"http":{"status":200,"peer":{"name":"p","x":1},"else":true}}`},
	{"misfits inside objects", `"http":{"status":"x","":1,"peer":5,"status.code":9}`, `{"http":{},"unparsed":{"http.status":"x","http.":"1","http.peer":"5","http.status.code":"9"},"parse_error":["field: http.status","field: odd name","field: http.peer"]}`},
	{"no object where fields lie", `"http":"GET /"`, `{"unparsed":{"http":"GET /"},"parse_error":"field: http"}`},
	{"null", `"http_status":null,"x":null`, `{"http_status":null,"x":null}`},
	{"an id of its own", `"log.record.uid":"chosen"`, `{"unparsed":{"log.record.uid":"chosen"}}`},
	{"enrichment is not the line's", `"datacentre":"there","env":"prod","team":""`, `{"env":"prod"}`},
	{"ECS's file", `"log.file.path":"/x","log":{"logger":"a"}`, `{"log.file.path":"/x","log":{"logger":"a"}}`},
	{"trace ids", `"trace.id":"abc","spanId":"def","transaction":{"id":"t"}`, `{"trace_id":"abc","trace.id":null,"span_id":"def","transaction_id":"t","transaction":{"id":"t"}}`},
	{"escapes", `"x":"\u00e4\ud83d\ude00\ud800\q\/"`, `{"x":"ä😀�\\q/"}`},
}

func TestFields(t *testing.T) {
	r := newTest(t, testConfig())
	for _, c := range fieldCases {
		got := made(t, r, "json", `{`+stamp+`,"log_level":"info","message":"m",`+c.line+`}`)
		if got["at"] != at || got["message"] != "m" || got["log_level"] != "info" {
			t.Errorf("%s: time, level or message is lost: %v", c.name, got)
		}
		for _, key := range []string{"at", "message", "log_level"} {
			delete(got, key)
		}
		var want any
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if strings.Contains(c.want, `"trace.id":null`) {
			delete(want.(map[string]any), "trace.id")
		}
		if gotText, wantText := exactly(t, got), exactlyText(t, c.want); gotText != wantText {
			t.Errorf("%s:\n got %s\nwant %s", c.name, gotText, wantText)
		}
	}
}

func exactly(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func exactlyText(t *testing.T, s string) string {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(s))
	decoder.UseNumber()
	var v map[string]any
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if v["trace.id"] == nil {
		delete(v, "trace.id")
	}
	return exactly(t, v)
}
