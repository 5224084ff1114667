package opensearchlogs

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const scope = "observability-suite/otelcol/opensearchlogs"

// maxReasons bounds the values of the label `reason`, which come from the store.
const maxReasons = 30

// counters tell what became of records, one increment per record and attempt.
type counters struct {
	created, duplicates, rejected, retried, lost counter
}

// counter counts records by exporter and, where there is one, reason.
type counter struct {
	metric.Int64Counter
	exporter attribute.KeyValue
	mu       *sync.Mutex
	reasons  map[string]metric.MeasurementOption
}

func newCounters(set exporter.Settings) (*counters, error) {
	meter := set.MeterProvider.Meter(scope)
	name := attribute.String("exporter", set.ID.String())
	var errs []error
	counted := func(what, description string) counter {
		made, err := meter.Int64Counter("otelcol_opensearchlogs_"+what+"_records",
			metric.WithDescription(description), metric.WithUnit("{records}"))
		errs = append(errs, err)
		return counter{made, name, &sync.Mutex{}, map[string]metric.MeasurementOption{}}
	}
	return &counters{
		created:    counted("created", "Records that the store took."),
		duplicates: counted("duplicates", "Records that the store had already, from an earlier attempt."),
		rejected:   counted("rejected", "Records that the store will never take, kept in the rejected index, by the type of the store's error."),
		retried:    counted("retried", "Records that an attempt did not deliver and that are sent again, by reason."),
		lost:       counted("lost", "Records that not even the rejected index took, by the type of the store's error; the beginning of each is in the collector's log."),
	}, errors.Join(errs...)
}

// begin makes every counter visible before it counts.
func (c *counters) begin(ctx context.Context) {
	for _, counter := range []counter{c.created, c.duplicates, c.rejected, c.retried, c.lost} {
		counter.Add(ctx, 0, metric.WithAttributes(counter.exporter))
	}
}

func (c counter) add(ctx context.Context, records int, reason string) {
	if records > 0 {
		c.Add(ctx, int64(records), c.labels(reason))
	}
}

func (c counter) labels(reason string) metric.MeasurementOption {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.reasons[reason]; !known {
		if len(c.reasons) >= maxReasons {
			reason = "other"
		}
		labels := []attribute.KeyValue{c.exporter}
		if reason != "" {
			labels = append(labels, attribute.String("reason", reason))
		}
		c.reasons[reason] = metric.WithAttributeSet(attribute.NewSet(labels...))
	}
	return c.reasons[reason]
}
