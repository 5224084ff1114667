package opensearchlogs

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
)

// sink sends batches; the queue and the retries around it are the collector's.
type sink struct {
	config *Config
	set    component.TelemetrySettings
	nodes  nodes
	client *http.Client
	counts *counters
	// refused is true while the store refuses our credentials, so that it is said once.
	refused  atomic.Bool
	patience patience
	pace     pace
}

func newSink(config *Config, set exporter.Settings) (*sink, error) {
	counts, err := newCounters(set)
	return &sink{
		config: config,
		set:    set.TelemetrySettings,
		nodes:  newNodes(config),
		counts: counts,
	}, err
}

func (s *sink) start(ctx context.Context, host component.Host) error {
	client, err := s.config.ToClient(ctx, host, s.set)
	if err != nil {
		return err
	}
	// Following a redirect could hand credentials and documents to another host.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.client = client
	s.counts.begin(ctx)
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
		s.counts.retried.add(ctx, len(docs), reasonOf(err))
		return err
	}
	var created, duplicates int
	var refused []refusedRecord
	again := map[int]itemResult{}
	for i, result := range results {
		switch judge(result) {
		case taken:
			created++
		case known:
			duplicates++
		case never:
			refused = append(refused, refusedRecord{i, result})
		default:
			again[i] = result
		}
	}
	// That others are taken shows that the store works, and that it is the record.
	if created+duplicates > 0 {
		for i, result := range again {
			if s.patience.exhausted(docs[i].id, result) {
				refused = append(refused, refusedRecord{i, result})
				delete(again, i)
			}
		}
	}
	s.counts.created.add(ctx, created, "")
	s.counts.duplicates.add(ctx, duplicates, "")
	err = s.keepRefused(ctx, docs, refused, again, created+duplicates > 0)
	if len(again) == 0 {
		return nil
	}
	positions := make([]int, 0, len(again))
	reasons := map[string]int{}
	for i, result := range again {
		positions = append(positions, i)
		reasons[result.reason()]++
	}
	for reason, count := range reasons {
		s.counts.retried.add(ctx, count, reason)
	}
	if err == nil {
		err = fmt.Errorf("the store did not take %d of %d records: %s", len(again), len(docs), said(reasons))
	}
	if len(again) == len(docs) {
		return err
	}
	return consumererror.NewLogs(err, only(logs, positions))
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
