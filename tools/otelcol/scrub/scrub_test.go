package scrub

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const card = "4111111111111111"

func scrubbed() *scrubber {
	return newScrubber(&Config{
		Patterns: []Pattern{{Name: "card", Check: CheckCard, Replacement: "[card $1]"}},
		IDs:      []string{"trace_id", "span_id", "transaction_id", "X-Request-Id"},
	})
}

func withPattern(pattern Pattern) *scrubber {
	return newScrubber(&Config{Patterns: []Pattern{pattern}, IDs: []string{"transaction_id"}})
}

func (s *scrubber) line(text string) string {
	got, _ := s.text(text, "message")
	return got
}

func fill(attributes pcommon.Map) {
	attributes.PutStr("text", "card "+card+"\n  at line 3")
	attributes.PutStr("grouped", "4111-1111 1111-1111")
	attributes.PutStr("trace_id", card)
	attributes.PutInt("number", 4111111111111111)
	attributes.PutDouble("double", 4111111111111111)
	attributes.PutStr("double_text", "4.111111111111111e+15")
	attributes.PutEmptyMap("deep").PutEmptySlice("list").AppendEmpty().SetEmptyMap().PutStr("x", card)
	attributes.PutEmptyBytes("bytes").FromRaw([]byte(card))
	attributes.PutStr("key-"+card, "value")
	attributes.PutStr("key-4111 1111 1111 1111", "other value")
}

func TestLogsHoldNoMatchAnywhere(t *testing.T) {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	fill(rl.Resource().Attributes())
	sl := rl.ScopeLogs().AppendEmpty()
	fill(sl.Scope().Attributes())
	sl.Scope().SetName("pay " + card)
	sl.Scope().SetVersion(card)
	for range 2 {
		record := sl.LogRecords().AppendEmpty()
		record.SetSeverityText("error " + card)
		record.SetEventName(card)
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
	ss.Scope().SetName(card)
	span := ss.Spans().AppendEmpty()
	span.SetName("pay " + card)
	span.Status().SetMessage("declined: " + card)
	span.TraceState().FromRaw("shop=" + card)
	fill(span.Attributes())
	span.Events().AppendEmpty().SetName(card)
	fill(span.Events().At(0).Attributes())
	link := span.Links().AppendEmpty()
	link.TraceState().FromRaw("shop=" + card)
	fill(link.Attributes())
	if _, err := scrubbed().traces(context.Background(), traces); err != nil {
		t.Fatal(err)
	}
	text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(traces)
	if err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, string(text))
}

func TestMetricsHoldNoMatchAnywhere(t *testing.T) {
	metrics := pmetric.NewMetrics()
	rm := metrics.ResourceMetrics().AppendEmpty()
	fill(rm.Resource().Attributes())
	sm := rm.ScopeMetrics().AppendEmpty()
	fill(sm.Scope().Attributes())
	named := func() pmetric.Metric {
		metric := sm.Metrics().AppendEmpty()
		metric.SetName("paid." + card)
		metric.SetDescription("of " + card)
		metric.SetUnit(card)
		fill(metric.Metadata())
		return metric
	}
	gauge := named().SetEmptyGauge().DataPoints().AppendEmpty()
	fill(gauge.Attributes())
	fill(gauge.Exemplars().AppendEmpty().FilteredAttributes())
	fill(named().SetEmptySum().DataPoints().AppendEmpty().Attributes())
	histogram := named().SetEmptyHistogram().DataPoints().AppendEmpty()
	fill(histogram.Attributes())
	fill(histogram.Exemplars().AppendEmpty().FilteredAttributes())
	fill(named().SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Attributes())
	fill(named().SetEmptySummary().DataPoints().AppendEmpty().Attributes())
	named()
	if _, err := scrubbed().metrics(context.Background(), metrics); err != nil {
		t.Fatal(err)
	}
	text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(metrics)
	if err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, string(text))
}

func nothingLeft(t *testing.T, text string) {
	t.Helper()
	// Plain, in groups, as a float, as base64.
	for _, form := range []string{card, "4111-1111 1111-1111", "4111 1111 1111 1111", "4.111111111111111e", "NDExMTExMTExMTExMTExMQ"} {
		if strings.Contains(text, form) {
			at := strings.Index(text, form)
			t.Errorf("%s is left after %s", form, text[max(0, at-100):at])
		}
	}
}

func TestKeysThatBecomeTheSameLoseNoValue(t *testing.T) {
	attributes := pcommon.NewMap()
	attributes.PutStr(card, "one")
	attributes.PutStr("4111 1111 1111 1111", "two")
	scrubbed().attributes(attributes)
	if got := attributes.Len(); got != 2 {
		t.Errorf("%d attributes are left of 2: %v", got, attributes.AsRaw())
	}
}

func TestOtherValuesStay(t *testing.T) {
	attributes := pcommon.NewMap()
	attributes.PutInt("count", 12)
	attributes.PutDouble("share", 0.4111111111111111)
	attributes.PutDouble("huge", 1e300)
	attributes.PutBool("ok", true)
	attributes.PutEmpty("nothing")
	want := pcommon.NewMap()
	attributes.CopyTo(want)
	scrubbed().attributes(attributes)
	if !attributes.Equal(want) {
		t.Errorf("got %v", attributes.AsRaw())
	}
}

// An id stays whole under a pattern that fits it by chance; a card under the
// name of an id does not.
func TestIDsStayWholeWhileTheyHaveTheFormOfOne(t *testing.T) {
	loose := newScrubber(&Config{
		Patterns: []Pattern{{Name: "digits", Pattern: `\d{4}(?:-?\d{4})+`, Replacement: "[gone]"}},
		IDs:      []string{"trace_id", "span_id", "transaction_id", "X-Request-Id"},
	})
	for _, test := range []struct {
		key, value string
		whole      bool
	}{
		{"transaction_id", "47223179-9330-4259-b66c-f2db26efb20c", true},
		{"transaction.id", "47223179-9330-4259-b66c-f2db26efb20c", true},
		{"http.request.header.other", "47223179-9330-4259-b66c-f2db26efb20c", false},
		{"x-request-id", "01ARZ3NDEKTSV4RRFFQ6912345", true},
		{"trace_id", "44444444444444444444444444444444", true},
		{"span_id", "00f067aa0ba90222", true},
		{"transaction_id", card, false},
		{"transaction_id", "4111-1111-1111-1111", false},
		{"transaction_id", "order 47223179-9330-4259-b66c-f2db26efb20c", false},
		{"span_id", card, false},
	} {
		attributes := pcommon.NewMap()
		attributes.PutStr(test.key, test.value)
		loose.attributes(attributes)
		value, _ := attributes.Get(test.key)
		if whole := value.Str() == test.value; whole != test.whole {
			t.Errorf("%s=%s became %s", test.key, test.value, value.Str())
		}
	}
}

func TestASpansIdOfDigitsAloneStaysBesideItsTrace(t *testing.T) {
	attributes := pcommon.NewMap()
	attributes.PutStr("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")
	attributes.PutStr("span_id", card)
	attributes.PutStr("transaction_id", card)
	scrubbed().attributes(attributes)
	if value, _ := attributes.Get("span_id"); value.Str() != card {
		t.Errorf("got %s", value.Str())
	}
	if value, _ := attributes.Get("transaction_id"); value.Str() == card {
		t.Error("a card got through as another id")
	}
}

func TestBadPatternsAreRefused(t *testing.T) {
	for _, pattern := range []Pattern{
		{Pattern: "("}, {Pattern: "x*"}, {}, {Check: CheckLuhn}, {Pattern: "x", Check: "crc"},
	} {
		pattern.Name = "bad"
		config := &Config{Patterns: []Pattern{pattern}}
		if err := config.Validate(); err == nil || !strings.Contains(err.Error(), "patterns[0] (bad)") {
			t.Errorf("%+v: got %v", pattern, err)
		}
	}
	good := &Config{Patterns: []Pattern{{Check: CheckCard}, {Pattern: `\d+`, Check: CheckLuhn}, {Pattern: "x"}}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

func TestOwnPatterns(t *testing.T) {
	for _, test := range []struct {
		pattern    Pattern
		text, want string
	}{
		{Pattern{Pattern: `[a-z.]+@[a-z.]+`, Replacement: "[mail]"}, "to a.b@c.example now", "to [mail] now"},
		{Pattern{Pattern: `[a-z.]+@[a-z.]+`, Replacement: "[mail]"}, "?to=a.b%40c.example&x=1", "?to=[mail]&x=1"},
		{Pattern{Pattern: `[a-z.]+@[a-z.]+`, Replacement: "[mail]"}, `{\"to\":\"a.b\\u0040c.example\"}`, `{\"to\":\"[mail]\"}`},
		{Pattern{Pattern: `[a-z.]+@[a-z.]+`, Replacement: "[mail]"}, "a.b%2540c.example a@b", "[mail] [mail]"},
		{Pattern{Pattern: `[a-z.]+@[a-z.]+`, Replacement: "[mail]"}, "a.b&#64;c.example", "[mail]"},
		{Pattern{Pattern: `(?i)password=\S+`, Replacement: "[secret]"}, "PassWord=x%20y z", "[secret] z"},
		{Pattern{Pattern: `\bkey-\d+\b`, Replacement: "[key]"}, `a\nkey-17\tb`, `a\n[key]\tb`},
		{Pattern{Pattern: `secret`, Replacement: "[secret]"}, `secret%20secret \u0073ecret`, `[secret]%20[secret] [secret]`},
		{Pattern{Pattern: `\d{10}`, Check: CheckLuhn, Replacement: "[id]"}, "1234567897 1234567890", "[id] 1234567890"},
		// The last digits alone are valid, after a run that is not.
		{Pattern{Pattern: `\d+(?: \d+)*`, Check: CheckLuhn, Replacement: "[id]"}, "7 1234567897 x", "7 [id] x"},
		{Pattern{Pattern: `\b\d{4}(?:[ -]?\d){8,15}\b`, Check: CheckCard, Replacement: "[card]"}, "4111 1111 1111 1111 2026 12", "[card] 2026 12"},
		{Pattern{Pattern: `\b\d{4}(?:[ -]?\d){8,15}\b`, Check: CheckCard, Replacement: "[card]"}, "4111111111111112", "4111111111111112"},
	} {
		if got := withPattern(test.pattern).line(test.text); got != test.want {
			t.Errorf("%q with %q: got %q, want %q", test.text, test.pattern.Pattern, got, test.want)
		}
	}
}

// A pattern that only some texts can match is not tried on the others; what is
// needed is read out of the pattern, and must never be more than it needs.
func TestTheCheapLookNeverHidesAMatch(t *testing.T) {
	for pattern, texts := range map[string][]string{
		`a|b@|c`:              {"xa", "b@", "c"},
		`(?:x@|[0-3])+z?`:     {"x@", "2"},
		`(?i)k@?`:             {"K", "k"},
		`\d{2,}`:              {"12"},
		`\d*x`:                {"x"},
		`(?:@)?y`:             {"y"},
		`[^a]`:                {"b", "ü"},
		`ü`:                   {"ü"},
		`\pN`:                 {"1", "½"},
		`[[:digit:]]\.{1,2}$`: {"3.."},
	} {
		s := withPattern(Pattern{Pattern: pattern, Replacement: "-"})
		for _, text := range texts {
			if _, changed := s.text(text, ""); !changed {
				t.Errorf("%q does not find %q", pattern, text)
			}
		}
	}
}
