package scrub

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const card = "4111111111111111"

func scrubbed() *scrubber {
	return newScrubber(&Config{
		Patterns:   []Pattern{{Name: "card", Pattern: `\b4[0-9]{15}\b`, Replacement: "[card $1]"}},
		IgnoreKeys: []string{"span_id"},
	})
}

func fill(attributes pcommon.Map) {
	attributes.PutStr("text", "card "+card+"\n  at line 3")
	attributes.PutInt("number", 4111111111111111)
	attributes.PutDouble("double", 4111111111111111)
	attributes.PutEmptyMap("deep").PutEmptySlice("list").AppendEmpty().SetEmptyMap().PutStr("x", card)
	attributes.PutEmptyBytes("bytes").FromRaw([]byte(card))
	attributes.PutStr("key-"+card, "value")
}

func TestLogsHoldNoMatchAnywhere(t *testing.T) {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	fill(rl.Resource().Attributes())
	sl := rl.ScopeLogs().AppendEmpty()
	fill(sl.Scope().Attributes())
	for range 2 {
		record := sl.LogRecords().AppendEmpty()
		fill(record.Attributes())
		fill(record.Body().SetEmptyMap())
	}
	sl.LogRecords().At(1).Body().SetStr("paid with " + card + ", thanks")
	if _, err := scrubbed().logs(context.Background(), logs); err != nil {
		t.Fatal(err)
	}
	text, err := (&plog.JSONMarshaler{}).MarshalLogs(logs)
	if err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, string(text))
	if got := sl.LogRecords().At(1).Body().Str(); got != "paid with [card $1], thanks" {
		t.Errorf("got %q", got)
	}
}

func TestTracesHoldNoMatchAnywhere(t *testing.T) {
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	fill(rs.Resource().Attributes())
	ss := rs.ScopeSpans().AppendEmpty()
	fill(ss.Scope().Attributes())
	span := ss.Spans().AppendEmpty()
	span.SetName("pay " + card)
	span.Status().SetMessage("declined: " + card)
	fill(span.Attributes())
	span.Events().AppendEmpty().SetName(card)
	fill(span.Events().At(0).Attributes())
	fill(span.Links().AppendEmpty().Attributes())
	if _, err := scrubbed().traces(context.Background(), traces); err != nil {
		t.Fatal(err)
	}
	text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(traces)
	if err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, string(text))
}

func nothingLeft(t *testing.T, text string) {
	t.Helper()
	for _, form := range []string{card, "4.111111111111111e", "NDExMTExMTExMTExMTExMQ"} { // plain, as a float, as base64
		if strings.Contains(text, form) {
			t.Errorf("%s is left in %s", form, text)
		}
	}
}

func TestIgnoredKeysAndOtherValuesStay(t *testing.T) {
	attributes := pcommon.NewMap()
	attributes.PutStr("span_id", card)
	attributes.PutInt("count", 12)
	attributes.PutBool("ok", true)
	scrubbed().attributes(attributes)
	if v, _ := attributes.Get("span_id"); v.Str() != card {
		t.Error("an ignored key was changed")
	}
	if v, _ := attributes.Get("count"); v.Int() != 12 {
		t.Error("a number without a match was changed")
	}
}

func TestBadPatternsAreRefused(t *testing.T) {
	for _, pattern := range []string{"(", "x*", ""} {
		config := &Config{Patterns: []Pattern{{Name: "bad", Pattern: pattern}}}
		if err := config.Validate(); err == nil || !strings.Contains(err.Error(), "patterns[0] (bad)") {
			t.Errorf("%q: got %v", pattern, err)
		}
	}
}
