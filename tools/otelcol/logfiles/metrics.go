package logfiles

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const scope = "observability-suite/otelcol/logfiles"

// oddity is why files are not read: unreadable ones should be, skipped ones not.
type oddity struct {
	reason     string
	unreadable bool
}

// counts are what the collector's own metrics say of this receiver.
type counts struct {
	receiver                  attribute.KeyValue
	lostBytes, split, decoded metric.Int64Counter
	unusable                  metric.Int64Counter
	registration              metric.Registration

	mu     sync.Mutex
	odd    map[oddity]int64
	files  int64
	unread int64
}

func newCounts(set component.TelemetrySettings, id component.ID) (*counts, error) {
	meter := set.MeterProvider.Meter(scope)
	c := &counts{receiver: attribute.String("receiver", id.String())}
	var errs [9]error
	c.lostBytes, errs[0] = meter.Int64Counter("otelcol_logfiles_lost_bytes", metric.WithUnit("By"),
		metric.WithDescription("Bytes that were in a file, and not read, when it was truncated, or gone after it could not be read."))
	c.split, errs[1] = meter.Int64Counter("otelcol_logfiles_split_records", metric.WithUnit("{records}"),
		metric.WithDescription("Records that were ended by a limit of lines or bytes."))
	c.decoded, errs[2] = meter.Int64Counter("otelcol_logfiles_invalid_text_records", metric.WithUnit("{records}"),
		metric.WithDescription("Records with bytes that are no UTF-8, which were replaced."))
	c.unusable, errs[7] = meter.Int64Counter("otelcol_logfiles_broken_checkpoints", metric.WithUnit("{checkpoints}"),
		metric.WithDescription("Checkpoints of which nothing could be made at the start; their files are read from the beginning."))
	unreadable, err := meter.Int64ObservableGauge("otelcol_logfiles_unreadable_files", metric.WithUnit("{files}"),
		metric.WithDescription("Files that should be read and cannot be, by reason."))
	errs[3] = err
	skipped, err := meter.Int64ObservableGauge("otelcol_logfiles_skipped_files", metric.WithUnit("{files}"),
		metric.WithDescription("Files that are no text and are left out, by reason."))
	errs[4] = err
	files, err := meter.Int64ObservableGauge("otelcol_logfiles_files", metric.WithUnit("{files}"),
		metric.WithDescription("Files that are followed."))
	errs[5] = err
	unread, err := meter.Int64ObservableGauge("otelcol_logfiles_unread_bytes", metric.WithUnit("By"),
		metric.WithDescription("Bytes in files that were not handed on yet."))
	errs[6] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	c.registration, err = meter.RegisterCallback(func(_ context.Context, observer metric.Observer) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, reason := range []string{permission, folder, special, binaryData, failing} {
			observer.ObserveInt64(unreadable, c.odd[oddity{reason, true}], c.with(reason))
		}
		for _, reason := range []string{compressed, binaryData} {
			observer.ObserveInt64(skipped, c.odd[oddity{reason, false}], c.with(reason))
		}
		observer.ObserveInt64(files, c.files, metric.WithAttributes(c.receiver))
		observer.ObserveInt64(unread, c.unread, metric.WithAttributes(c.receiver))
		return nil
	}, unreadable, skipped, files, unread)
	for _, counter := range []metric.Int64Counter{c.lostBytes, c.split, c.decoded, c.unusable} {
		counter.Add(context.Background(), 0, metric.WithAttributes(c.receiver))
	}
	return c, err
}

func (c *counts) with(reason string) metric.MeasurementOption {
	return metric.WithAttributes(c.receiver, attribute.String("reason", reason))
}

func (c *counts) lost(bytes int64) {
	c.lostBytes.Add(context.Background(), bytes, metric.WithAttributes(c.receiver))
}

func (c *counts) broken(checkpoints int64) {
	c.unusable.Add(context.Background(), checkpoints, metric.WithAttributes(c.receiver))
}

func (c *counts) record(cut, replaced bool) {
	if cut {
		c.split.Add(context.Background(), 1, metric.WithAttributes(c.receiver))
	}
	if replaced {
		c.decoded.Add(context.Background(), 1, metric.WithAttributes(c.receiver))
	}
}

func (c *counts) show(odd map[oddity]int64, files, unread int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.odd, c.files, c.unread = odd, files, unread
}

func (c *counts) end() error { return c.registration.Unregister() }
