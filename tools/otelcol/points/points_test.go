package points

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

type world struct {
	*bounds
	*componenttest.Telemetry
	*testing.T
	time time.Time
}

func begin(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	config := &Config{
		Services: []string{"cart", "orders"}, OtherServices: 2, Samples: 20, Labels: 5, Length: 64,
		Forbidden: []string{"user_id"}, Expiry: time.Minute,
	}
	for _, next := range change {
		next(config)
	}
	w := &world{T: t, Telemetry: componenttest.NewTelemetry(), time: time.Unix(1_790_000_000, 0)}
	made, err := newBounds(config, w.NewTelemetrySettings(), func() time.Time { return w.time })
	if err != nil {
		t.Fatal(err)
	}
	w.bounds = made
	return w
}

// send pushes one metric and returns what is left of it: name{labels} of each point.
func (w *world) send(service string, fill func(pmetric.Metric)) []string {
	w.Helper()
	metrics := pmetric.NewMetrics()
	rm := metrics.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("host.name", strings.Repeat("h", 1000))
	if service != "" {
		rm.Resource().Attributes().PutStr("service.name", service)
	}
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(strings.Repeat("s", 1000))
	sm.Scope().Attributes().PutStr("a", "b")
	fill(sm.Metrics().AppendEmpty())
	if _, err := w.metrics(context.Background(), metrics); err != nil {
		w.Fatal(err)
	}
	if rm.Resource().Attributes().Len()+sm.Scope().Attributes().Len() > 0 || len(sm.Scope().Name()) > w.config.Length {
		w.Error("resource or scope could add labels")
	}
	var left []string
	for _, metric := range sm.Metrics().All() {
		if points := pointsOf(metric); points != nil {
			points(func(p point) bool {
				var labels []string
				for key, value := range p.attributes.All() {
					labels = append(labels, key+"="+value.Str())
				}
				left = append(left, metric.Name()+"{"+strings.Join(labels, ",")+"}")
				return true
			})
		}
	}
	return left
}

func gauge(name string, labels ...map[string]any) func(pmetric.Metric) {
	return func(metric pmetric.Metric) {
		metric.SetName(name)
		points := metric.SetEmptyGauge().DataPoints()
		for _, of := range labels {
			_ = points.AppendEmpty().Attributes().FromRaw(of)
		}
		if len(labels) == 0 {
			points.AppendEmpty()
		}
	}
}

func histogram(name string, bounds []float64, counts []uint64) func(pmetric.Metric) {
	return func(metric pmetric.Metric) {
		metric.SetName(name)
		metric.SetUnit("s")
		metric.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		point := metric.Histogram().DataPoints().AppendEmpty()
		point.ExplicitBounds().FromRaw(bounds)
		point.BucketCounts().FromRaw(counts)
	}
}

// told is what the counter says: "service metric label reason" -> points.
func (w *world) told() map[string]int64 {
	found := map[string]int64{}
	made, err := w.GetMetric("otelcol_pushed_points_bounded")
	if err != nil {
		return found
	}
	for _, point := range made.Data.(metricdata.Sum[int64]).DataPoints {
		var parts []string
		for _, key := range []string{"service", "metric", "label", "reason"} {
			text, _ := point.Attributes.Value(attribute.Key(key))
			parts = append(parts, text.AsString())
		}
		found[strings.Join(parts, " ")] = point.Value
	}
	return found
}

func (w *world) tells(want map[string]int64) {
	w.Helper()
	if got := w.told(); !maps.Equal(got, want) {
		w.Errorf("told %v, want %v", got, want)
	}
}

func (w *world) is(got []string, want ...string) {
	w.Helper()
	if !slices.Equal(got, want) {
		w.Errorf("got %q, want %q", got, want)
	}
}

func TestAnOrdinaryMetricKeepsItsLabelsAndGetsItsService(t *testing.T) {
	w := begin(t)
	w.is(w.send("cart", gauge("cart.items", map[string]any{"http.route": "/a", "count": 7})), "cart_items{count=7,http_route=/a,service=cart}")
	w.is(w.send("cart", histogram("pay.time", []float64{1, 2}, []uint64{0, 1, 2})), "pay_time_seconds{service=cart}")
	w.tells(map[string]int64{})
}

func TestNamesAreThosePrometheusExpects(t *testing.T) {
	w := begin(t)
	counter := func(metric pmetric.Metric) {
		metric.SetName("http.server.requests")
		metric.SetUnit("{request}")
		metric.SetEmptySum().SetIsMonotonic(true)
		metric.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		metric.Sum().DataPoints().AppendEmpty()
	}
	w.is(w.send("cart", counter), "http_server_requests_total{service=cart}")
	w.is(w.send("cart", gauge("a:b")), "a_b{service=cart}")
	long := w.send("cart", gauge(strings.Repeat("n", 600)))
	if len(long) != 1 || strings.Index(long[0], "{") > 64 {
		t.Errorf("got %q", long)
	}
}

func TestLabelsThatWouldBreakTheScrapeDoNotReachIt(t *testing.T) {
	w := begin(t)
	w.is(w.send("cart", gauge("x", map[string]any{"__name__": "up", "9a": "b", "job": "j", "": "e", "empty": ""})),
		"x{exported_job=j,key_9a=b,key_name__=up,service=cart}")
	w.is(w.send("cart", gauge("y", map[string]any{"a.b": "1", "a_b": "2"})), "y{a_b=1;2,service=cart}")
	w.is(w.send("cart", gauge("z", map[string]any{"bad": "a\xff\x00b\n"})), "z{bad=a\uFFFD\uFFFDb\uFFFD,service=cart}")
	w.tells(map[string]int64{})
}

func TestALongValueIsCutAndStaysApartFromItsLike(t *testing.T) {
	w := begin(t)
	long := strings.Repeat("漢", 200)
	got := w.send("cart", gauge("x", map[string]any{"path": long + "1"}, map[string]any{"path": long + "2"}))
	if len(got) != 2 || got[0] == got[1] || !utf8.ValidString(got[0]) || len(got[0]) > len("x{path=,service=cart}")+64 {
		t.Errorf("got %q", got)
	}
	w.tells(map[string]int64{"cart x path length": 2})
}

func TestForbiddenAndTooManyLabelsCostThePointAlone(t *testing.T) {
	w := begin(t)
	many := map[string]any{}
	for number := range 6 {
		many[fmt.Sprint("l", number)] = "v"
	}
	w.is(w.send("cart", gauge("x", map[string]any{"user.id": "u"}, map[string]any{"a": "1"}, many)), "x{a=1,service=cart}")
	w.tells(map[string]int64{"cart x user_id forbidden": 1, "cart x  labels": 1})
}

func TestTheOffenderAloneLosesSeries(t *testing.T) {
	w := begin(t)
	for number := range 50 {
		w.send("cart", gauge("x", map[string]any{"order": number}))
	}
	w.is(w.send("cart", gauge("x", map[string]any{"order": 3})), "x{order=3,service=cart}")
	w.is(w.send("orders", gauge("x", map[string]any{"order": 99})), "x{order=99,service=orders}")
	w.is(w.send("cart", histogram("t", []float64{1}, []uint64{1, 2})))
	w.tells(map[string]int64{"cart x  series": 30, "cart t_seconds  series": 1})
}

func TestAPlaceIsFreeAgainWhenItsSeriesEnds(t *testing.T) {
	w := begin(t)
	for range 5 {
		for number := range 20 {
			id := fmt.Sprint(w.time.Unix(), "-", number)
			if got := w.send("cart", gauge("x", map[string]any{"run": id})); len(got) != 1 {
				t.Fatalf("no place for %s", id)
			}
		}
		w.time = w.time.Add(2 * time.Minute)
	}
	for round := range 9 {
		if got := w.send(fmt.Sprint("pod-", round), gauge("y")); len(got) != 1 {
			t.Fatalf("no place for service %d", round)
		}
		w.time = w.time.Add(2 * time.Minute)
	}
	w.tells(map[string]int64{})
}

func TestInventedServicesTakeNothingFromTheOthers(t *testing.T) {
	w := begin(t)
	left := 0
	for number := range 500 {
		left += len(w.send(fmt.Sprint("invented-", number), gauge("x")))
	}
	if left != 2 {
		t.Errorf("%d services have a place", left)
	}
	for number := range 100 {
		left += len(w.send("invented-0", gauge("x", map[string]any{"n": number})))
	}
	if left != 20 {
		t.Errorf("%d series of services without a name of their own", left)
	}
	w.is(w.send("orders", gauge("x")), "x{service=orders}")
	if got := w.told()["other x  services"]; got != 498 {
		t.Errorf("%d points without a place are told", got)
	}
}

func TestANameStandsForOneType(t *testing.T) {
	w := begin(t)
	w.send("stranger", gauge("took_seconds_count"))
	w.is(w.send("stranger", histogram("took", []float64{1}, []uint64{1, 1})))
	w.is(w.send("cart", histogram("took", []float64{1}, []uint64{1, 1})), "took_seconds{service=cart}")
	w.is(w.send("stranger", gauge("took_seconds_count")))
	w.is(w.send("orders", gauge("took_seconds")))
	w.time = w.time.Add(time.Hour)
	w.is(w.send("orders", gauge("took_seconds")), "took_seconds{service=orders}")
	w.tells(map[string]int64{"stranger took_seconds  type": 1, "stranger took_seconds_count  type": 1, "orders took_seconds  type": 1})
}

func TestWhatThePageHasNoFormForIsTold(t *testing.T) {
	w := begin(t)
	named := func(fill func(pmetric.Metric)) func(pmetric.Metric) {
		return func(metric pmetric.Metric) {
			metric.SetName("x")
			fill(metric)
		}
	}
	for _, fill := range []func(pmetric.Metric){
		gauge("up"), gauge("scrape_duration"), gauge("target.info"), gauge(""), gauge("___"),
		named(func(pmetric.Metric) {}),
		named(func(m pmetric.Metric) { m.SetEmptySum().DataPoints().AppendEmpty() }),
		named(func(m pmetric.Metric) { m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty() }),
		histogram("h", []float64{1, 2}, nil), histogram("h", []float64{1, 2}, []uint64{1}),
		histogram("h", []float64{2, 1}, []uint64{1, 1, 1}), histogram("h", []float64{math.NaN()}, []uint64{1, 1}),
		histogram("h", nil, []uint64{1, 1}),
	} {
		w.is(w.send("cart", fill))
	}
	total := int64(0)
	for _, points := range w.told() {
		total += points
	}
	if total != 13 {
		t.Errorf("told %v", w.told())
	}
}

func TestTheCounterItselfIsBounded(t *testing.T) {
	w := begin(t)
	for number := range 5000 {
		w.send("cart", gauge(fmt.Sprint("m", number), map[string]any{"user_id": "x"}))
	}
	if told := w.told(); len(told) > mostEvents+1 || told["cart other other forbidden"] < 4900 {
		t.Errorf("%d series", len(told))
	}
}

func TestExemplarsKeepTheirTraceAlone(t *testing.T) {
	w := begin(t)
	metrics := pmetric.NewMetrics()
	metric := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	gauge("x")(metric)
	exemplars := metric.Gauge().DataPoints().At(0).Exemplars()
	exemplars.AppendEmpty().FilteredAttributes().PutStr("user", strings.Repeat("u", 600))
	traced := exemplars.AppendEmpty()
	traced.SetTraceID(pcommon.TraceID{1})
	traced.FilteredAttributes().PutStr("user", strings.Repeat("u", 600))
	if _, err := w.metrics(context.Background(), metrics); err != nil {
		t.Fatal(err)
	}
	if exemplars.Len() != 1 || exemplars.At(0).FilteredAttributes().Len() != 0 {
		t.Error("an exemplar has more than its trace")
	}
}

func TestBadBoundsAreRefused(t *testing.T) {
	for _, config := range []Config{
		{Samples: 0, Labels: 1, Length: 1, Expiry: 1}, {Samples: 1, Labels: 0, Length: 1, Expiry: 1},
		{Samples: 1, Labels: 1, Length: 0, Expiry: 1}, {Samples: 1, Labels: 1, Length: 1},
		{Samples: 1, Labels: 1, Length: 1, Expiry: 1, OtherServices: -1},
	} {
		if config.Validate() == nil {
			t.Errorf("%+v is taken", config)
		}
	}
}
