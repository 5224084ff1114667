package opensearchlogs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

const scope = "observability-suite/otelcol/opensearchlogs"

// sink sends batches; the queue and the retries around it are the collector's.
type sink struct {
	config *Config
	set    component.TelemetrySettings
	url    string
	client *http.Client
	counts counters
	// refused is true while the store refuses our credentials, so that it is said once.
	refused atomic.Bool
}

// counters tell what became of records, one increment per record and attempt.
type counters struct {
	created, duplicates, rejected, retried metric.Int64Counter
	labels                                 metric.MeasurementOption
}

func newSink(config *Config, set exporter.Settings) (*sink, error) {
	meter := set.MeterProvider.Meter(scope)
	counts := counters{labels: metric.WithAttributeSet(attribute.NewSet(attribute.String("exporter", set.ID.String())))}
	var errs []error
	for name, counter := range map[string]struct {
		target      *metric.Int64Counter
		description string
	}{
		"created":    {&counts.created, "Records that the store took."},
		"duplicates": {&counts.duplicates, "Records that the store had already, from an earlier attempt."},
		"rejected":   {&counts.rejected, "Records refused for their content and kept in the rejected index."},
		"retried":    {&counts.retried, "Records that an attempt did not deliver and that are sent again."},
	} {
		var err error
		*counter.target, err = meter.Int64Counter("otelcol_opensearchlogs_"+name+"_records",
			metric.WithDescription(counter.description), metric.WithUnit("{records}"))
		errs = append(errs, err)
	}
	return &sink{
		config: config,
		set:    set.TelemetrySettings,
		url:    strings.TrimRight(config.Endpoint, "/") + bulkPath,
		counts: counts,
	}, errors.Join(errs...)
}

func (s *sink) start(ctx context.Context, host component.Host) error {
	client, err := s.config.ToClient(ctx, host, s.set)
	if err != nil {
		return err
	}
	// Following a redirect could hand credentials and documents to another host.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.client = client
	for _, counter := range []metric.Int64Counter{s.counts.created, s.counts.duplicates, s.counts.rejected, s.counts.retried} {
		counter.Add(ctx, 0, s.counts.labels)
	}
	return nil
}

// push delivers a batch. Its error, if any, is never permanent and holds exactly
// the records that are to be sent again.
func (s *sink) push(ctx context.Context, logs plog.Logs) error {
	docs, err := s.documents(logs)
	if err != nil || len(docs) == 0 {
		return err
	}
	results, err := s.bulk(ctx, docs)
	if err != nil {
		s.count(ctx, s.counts.retried, len(docs))
		return err
	}

	var created, duplicates int
	var refused, again []int
	var first itemResult
	retry := func(position int, result itemResult) {
		if len(again) == 0 {
			first = result
		}
		again = append(again, position)
	}
	for i, result := range results {
		switch {
		case result.Status/100 == 2:
			created++
		case result.Status == http.StatusConflict:
			duplicates++
		case contentRefused(result):
			refused = append(refused, i)
		default:
			retry(i, result)
		}
	}
	kept, err := s.keepRefused(ctx, docs, results, refused, retry)
	s.count(ctx, s.counts.created, created)
	s.count(ctx, s.counts.duplicates, duplicates)
	s.count(ctx, s.counts.rejected, kept)
	s.count(ctx, s.counts.retried, len(again))
	if len(again) == 0 {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("the store did not take %d of %d records, the first with status %d (%s)",
			len(again), len(docs), first.Status, first.Error.Type)
	}
	return consumererror.NewLogs(err, only(logs, again))
}

// contentRefused tells a document that can never be taken from a store that
// cannot take it now. The limit on shards is reported as 400, too, and passes.
func contentRefused(result itemResult) bool {
	return result.Status == http.StatusBadRequest && result.Error.Type != "validation_exception"
}

// keepRefused writes refused documents to the rejected index and returns how
// many are there now; for the others it calls retry.
func (s *sink) keepRefused(ctx context.Context, docs []document, results []itemResult, refused []int,
	retry func(int, itemResult),
) (int, error) {
	if len(refused) == 0 {
		return 0, nil
	}
	wrapped := make([]document, 0, len(refused))
	types := map[string]int{}
	for _, position := range refused {
		doc, err := s.rejected(docs[position], results[position].Error)
		if err != nil {
			return 0, err
		}
		wrapped = append(wrapped, doc)
		types[results[position].Error.Type]++
	}
	s.set.Logger.Warn("the store refused records for their content; they go to the rejected index",
		zap.Any("records_by_error_type", types), zap.String("rejected_index", s.config.RejectedIndex))
	answers, err := s.bulk(ctx, wrapped)
	if err != nil {
		for _, position := range refused {
			retry(position, results[position])
		}
		return 0, err
	}
	kept := 0
	for i, answer := range answers {
		if answer.Status/100 == 2 || answer.Status == http.StatusConflict {
			kept++
		} else {
			retry(refused[i], answer)
		}
	}
	return kept, nil
}

// only copies the records at the given positions, which ascend or not.
func only(logs plog.Logs, positions []int) plog.Logs {
	wanted := make(map[int]bool, len(positions))
	for _, position := range positions {
		wanted[position] = true
	}
	out := plog.NewLogs()
	logs.CopyTo(out)
	position := -1
	out.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool {
			sl.LogRecords().RemoveIf(func(plog.LogRecord) bool {
				position++
				return !wanted[position]
			})
			return sl.LogRecords().Len() == 0
		})
		return rl.ScopeLogs().Len() == 0
	})
	return out
}

func (s *sink) count(ctx context.Context, counter metric.Int64Counter, records int) {
	if records > 0 {
		counter.Add(ctx, int64(records), s.counts.labels)
	}
}

func (s *sink) unauthenticated(status int) {
	if !s.refused.Swap(true) {
		s.set.Logger.Warn("the store refuses our credentials; records wait and are sent again"+
			" (it may still be setting up its security; otherwise check `user` and `password`)",
			zap.Int("status", status), zap.String("user", s.config.User))
	}
}

func (s *sink) authenticated() {
	if s.refused.Swap(false) {
		s.set.Logger.Info("the store accepts our credentials again")
	}
}
