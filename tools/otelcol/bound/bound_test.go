package bound

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

type world struct {
	*bounds
	*componenttest.Telemetry
	*testing.T
}

func begin(t *testing.T, config Config) *world {
	t.Helper()
	telemetry := componenttest.NewTelemetry()
	made, err := newBounds(&config, telemetry.NewTelemetrySettings())
	if err != nil {
		t.Fatal(err)
	}
	return &world{made, telemetry, t}
}

func ordinary() Config {
	return Config{Dimensions: []string{"http.route"}, Services: []string{"cart", "orders"}, OtherServices: 2, Length: 64, Values: 10, Series: 20}
}

// send counts a span, and tells the labels under which.
func (w *world) send(service any, name string, attributes map[string]any, change ...func(ptrace.Span)) string {
	w.Helper()
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	if service != nil {
		value := rs.Resource().Attributes().PutEmpty(serviceName)
		if err := value.FromRaw(service); err != nil {
			w.Fatal(err)
		}
	}
	rs.Resource().Attributes().PutStr("service.instance.id", strings.Repeat("x", 1000))
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName(name)
	if err := span.Attributes().FromRaw(attributes); err != nil {
		w.Fatal(err)
	}
	for _, next := range change {
		next(span)
	}
	if _, err := w.traces(context.Background(), traces); err != nil {
		w.Fatal(err)
	}
	if rs.Resource().Attributes().Len() != 1 {
		w.Errorf("the resource has %v", rs.Resource().Attributes().AsRaw())
	}
	whose, _ := rs.Resource().Attributes().Get(serviceName)
	route, _ := span.Attributes().Get("http.route")
	if route.Type() != pcommon.ValueTypeStr || span.Attributes().Len() != 1 {
		w.Errorf("the span has %v", span.Attributes().AsRaw())
	}
	return fmt.Sprintf("%s|%s|%s|%s|%s", whose.Str(), span.Name(), route.Str(), span.Kind(), span.Status().Code())
}

// told is what the counter says: "service label reason" -> spans.
func (w *world) told() map[string]int64 {
	w.Helper()
	found := map[string]int64{}
	made, err := w.GetMetric("otelcol_bound_spans")
	if err != nil {
		return found
	}
	for _, point := range made.Data.(metricdata.Sum[int64]).DataPoints {
		value := func(key string) string {
			text, _ := point.Attributes.Value(attribute.Key(key))
			return text.AsString()
		}
		found[value("service")+" "+value("label")+" "+value("reason")] = point.Value
	}
	return found
}

func (w *world) tells(want map[string]int64) {
	w.Helper()
	if got := w.told(); !maps.Equal(got, want) {
		w.Errorf("told %v, want %v", got, want)
	}
}

func TestOrdinarySpansStayAsTheyAre(t *testing.T) {
	w := begin(t, ordinary())
	got := w.send("cart", "GET /cart/{id}", map[string]any{"http.route": "/cart/{id}", "user": "alice"})
	if got != "cart|GET /cart/{id}|/cart/{id}|Unspecified|Unset" {
		t.Errorf("got %s", got)
	}
	w.tells(map[string]int64{})
}

func TestTheOffenderAloneLosesDetailAndIsToldByLabel(t *testing.T) {
	w := begin(t, ordinary())
	for number := range 10 {
		w.send("cart", fmt.Sprintf("GET /product/%d", number), nil)
	}
	failed := func(span ptrace.Span) {
		span.SetKind(ptrace.SpanKindServer)
		span.Status().SetCode(ptrace.StatusCodeError)
	}
	for number := range 7 {
		got := w.send("cart", fmt.Sprintf("GET /product/%d", 100+number), map[string]any{"http.route": "/product"}, failed)
		if got != "cart|other|/product|Server|Error" {
			t.Fatalf("got %s", got)
		}
	}
	if got := w.send("cart", "GET /product/3", nil); got != "cart|GET /product/3||Unspecified|Unset" {
		t.Errorf("the first ones no longer work: %s", got)
	}
	if got := w.send("orders", "GET /product/1000", nil); got != "orders|GET /product/1000||Unspecified|Unset" {
		t.Errorf("another service lost detail: %s", got)
	}
	w.tells(map[string]int64{"cart span_name values": 7})
}

func TestADimensionIsBoundedWithoutTheNames(t *testing.T) {
	w := begin(t, ordinary())
	for number := range 30 {
		w.send("cart", "GET", map[string]any{"http.route": number})
	}
	if got := w.send("cart", "GET", map[string]any{"http.route": 99}); got != "cart|GET|other|Unspecified|Unset" {
		t.Errorf("got %s", got)
	}
	w.tells(map[string]int64{"cart http_route values": 21})
}

func TestCombinationsAreBoundedAndKeepKindAndStatus(t *testing.T) {
	config := ordinary()
	w := begin(t, config)
	series := map[string]bool{}
	for name := range 9 {
		for route := range 9 {
			for kind := -1; kind < 9; kind++ {
				for status := -1; status < 5; status++ {
					series[w.send("cart", fmt.Sprint("n", name), map[string]any{"http.route": fmt.Sprint("r", route)}, func(span ptrace.Span) {
						span.SetKind(ptrace.SpanKind(kind))
						span.Status().SetCode(ptrace.StatusCode(status))
					})] = true
				}
			}
		}
	}
	if most := config.Series + 18; len(series) > most {
		t.Errorf("%d series, expected at most %d", len(series), most)
	}
	if !series["cart|other|other|Server|Error"] {
		t.Errorf("no failures of servers among %v", series)
	}
}

func TestInventedServicesTakeNothingFromTheOthers(t *testing.T) {
	config := ordinary()
	w := begin(t, config)
	series := map[string]bool{}
	for number := range 500 {
		for name := range 5 {
			series[w.send(fmt.Sprint("invented-", number), fmt.Sprint("n", name), nil)] = true
		}
	}
	if most := config.Series + 18*(config.OtherServices+1); len(series) > most {
		t.Errorf("%d series, expected at most %d", len(series), most)
	}
	if got := w.send("orders", "late", nil); got != "orders|late||Unspecified|Unset" {
		t.Errorf("a service of the stack lost detail: %s", got)
	}
	if got := w.told()["other service_name values"]; got != 498*5 {
		t.Errorf("%d spans of services without a place are told", got)
	}
}

func TestWhatIsNotTextBecomesText(t *testing.T) {
	w := begin(t, ordinary())
	long := strings.Repeat("漢", 205)
	for _, given := range []string{long, "nul\x00", "line\nbreak", "bad\xff", "\u0085"} {
		got := w.send("cart", given, map[string]any{"http.route": given})
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\n\u0085") || len(got) > 2*64+40 {
			t.Errorf("%q became %q", given, got)
		}
	}
	w.tells(map[string]int64{"cart span_name length": 1, "cart http_route length": 1})
}

func TestAServiceWithoutANameHasOne(t *testing.T) {
	w := begin(t, ordinary())
	for _, given := range []any{nil, "", " ", "\t"} {
		got := w.send(given, "x", nil)
		if !strings.HasPrefix(got, Unknown+"|") && !strings.HasPrefix(got, "\uFFFD|") {
			t.Errorf("%v became %s", given, got)
		}
	}
	if got := w.send(int64(7), "x", nil); !strings.HasPrefix(got, "7|") && !strings.HasPrefix(got, Other) {
		t.Errorf("a number became %s", got)
	}
	if got := w.send(strings.Repeat("s", 614), "x", nil); len(got) > 64+30 {
		t.Errorf("a long name became %s", got)
	}
}

func TestAttributesOfTheResourceAreDimensionsToo(t *testing.T) {
	w := begin(t, ordinary())
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("http.route", "/resource")
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	if _, err := w.traces(context.Background(), traces); err != nil {
		t.Fatal(err)
	}
	if got, _ := span.Attributes().Get("http.route"); got.Str() != "/resource" {
		t.Errorf("got %q", got.Str())
	}
}

func BenchmarkTraces(b *testing.B) {
	config := ordinary()
	config.Values, config.Series = 250, 500
	made, err := newBounds(&config, componenttest.NewNopTelemetrySettings())
	if err != nil {
		b.Fatal(err)
	}
	given := ptrace.NewTraces()
	rs := given.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr(serviceName, "cart")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for number := range 100 {
		span := spans.AppendEmpty()
		span.SetName(fmt.Sprint("GET /product/", number%40))
		for key := range 10 {
			span.Attributes().PutStr(fmt.Sprint("key.", key), "some value")
		}
		span.Attributes().PutStr("http.route", "/product")
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		traces := ptrace.NewTraces()
		given.CopyTo(traces)
		b.StartTimer()
		if _, err := made.traces(context.Background(), traces); err != nil {
			b.Fatal(err)
		}
	}
}
