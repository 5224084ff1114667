package points

import (
	"context"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Reasons why a point is not on the page as it was sent.
const (
	forbidden  = "forbidden" // dropped: it has a label that is forbidden
	tooMany    = "labels"    // dropped: it has too many labels
	tooDiverse = "series"    // dropped: the service has its number of series
	crowded    = "services"  // dropped: there are too many services
	conflict   = "type"      // dropped: its name stands for another type
	formless   = "form"      // dropped: the page has no form for it
	tooLong    = "length"    // kept: a label's value, or the name, was cut
	mostEvents = 50          // of one service that are told by metric and label
)

// event is what happened to a point: what the counter is labelled with.
type event struct {
	service, metric, label, reason string
	// listed says that the configuration names the service.
	listed bool
}

// teller counts events, and keeps their number small.
type teller struct {
	counter metric.Int64Counter
	events  map[event]metric.MeasurementOption
	of      map[string]int
}

func newTeller(meter metric.Meter) (*teller, error) {
	counter, err := meter.Int64Counter("otelcol_pushed_points_bounded",
		metric.WithDescription("Points of pushed metrics that were dropped, or kept with a shortened label, to stay within bounds."))
	return &teller{counter: counter, events: map[event]metric.MeasurementOption{}, of: map[string]int{}}, err
}

func (t *teller) tell(ctx context.Context, what event) {
	option, ok := t.events[what]
	if !ok {
		if t.of[what.service] >= mostEvents && what.metric != Other {
			t.tell(ctx, event{what.service, Other, Other, what.reason, what.listed})
			return
		}
		t.of[what.service]++
		option = metric.WithAttributeSet(attribute.NewSet(
			attribute.String("service", what.service), attribute.String("listed", strconv.FormatBool(what.listed)),
			attribute.String("metric", what.metric),
			attribute.String("label", what.label), attribute.String("reason", what.reason)))
		t.events[what] = option
	}
	t.counter.Add(ctx, 1, option)
}
