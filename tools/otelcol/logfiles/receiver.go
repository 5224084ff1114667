package logfiles

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"
)

// UID is the record attribute that identifies a line for good.
const UID = "log.record.uid"

const (
	firstWait = 100 * time.Millisecond
	longWait  = 5 * time.Second
	// A scan takes at most so much of the time: where there are very many files, it is made less often.
	scanShare = 10
)

// fileReader reads the files of one configuration, hands their records on, and
// then moves its checkpoints.
type fileReader struct {
	config  *Config
	set     receiver.Settings
	next    consumer.Logs
	report  *receiverhelper.ObsReport
	counts  *counts
	tracker *tracker

	cancel   context.CancelFunc
	done     chan struct{}
	nextScan time.Time
}

func newReceiver(config *Config, set receiver.Settings, next consumer.Logs) (*fileReader, error) {
	report, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{ReceiverID: set.ID, ReceiverCreateSettings: set})
	return &fileReader{config: config, set: set, next: next, report: report}, err
}

// prepare loads the checkpoints.
func (r *fileReader) prepare(ctx context.Context, host component.Host) error {
	counts, err := newCounts(r.set.TelemetrySettings, r.set.ID)
	if err != nil {
		return err
	}
	client, err := clientOf(ctx, host, r.config.Storage, r.set.ID)
	if err != nil {
		return err
	}
	kept, fresh, err := load(ctx, client)
	if err != nil {
		_ = client.Close(ctx)
		return err
	}
	if kept.broken > 0 {
		counts.broken(kept.broken)
		r.set.Logger.Error("checkpoints are broken; their files are read from the beginning", zap.Int64("number", kept.broken))
	}
	r.counts, r.tracker = counts, newTracker(r.config, kept, counts, r.set.Logger)
	if fresh {
		if r.tracker.legacy, err = filelogCheckpoints(ctx, host, r.config.Storage, r.set.ID.Name()); err != nil {
			r.set.Logger.Warn("what filelog had read is not known; files are read from their beginning", zap.Error(err))
		}
	}
	return nil
}

// Start loads the checkpoints and begins to read.
func (r *fileReader) Start(ctx context.Context, host component.Host) error {
	if err := r.prepare(ctx, host); err != nil {
		return err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel, r.done = cancel, make(chan struct{})
	go r.run(background)
	return nil
}

// Shutdown ends reading. What the pipeline has not taken stays before the checkpoint.
func (r *fileReader) Shutdown(ctx context.Context) error {
	if r.cancel == nil {
		return nil
	}
	r.cancel()
	r.cancel = nil
	select {
	case <-r.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	return r.end(ctx)
}

func (r *fileReader) end(ctx context.Context) error {
	err := r.tracker.end(ctx)
	if failed := r.tracker.kept.client.Close(ctx); err == nil {
		err = failed
	}
	if failed := r.counts.end(); err == nil {
		err = failed
	}
	return err
}

func (r *fileReader) run(ctx context.Context) {
	defer close(r.done)
	for ctx.Err() == nil {
		looked := r.look()
		if r.round(ctx) {
			continue
		}
		if !looked {
			r.tracker.refresh()
		}
		select {
		case <-ctx.Done():
		case <-time.After(r.config.PollInterval):
		}
	}
}

// look for files, and at what happened to them, if it is time; whether it was.
func (r *fileReader) look() bool {
	began := time.Now()
	if began.Before(r.nextScan) {
		return false
	}
	first := r.nextScan.IsZero()
	r.tracker.scan()
	took := time.Since(began)
	r.nextScan = time.Now().Add(max(r.config.PollInterval, scanShare*took))
	if first {
		r.save(context.Background())
	}
	return true
}

// round reads one batch and hands it on; false if there was nothing, or no end of trying.
func (r *fileReader) round(ctx context.Context) bool {
	parts := r.tracker.gather()
	if len(parts) == 0 {
		return false
	}
	kept := r.tracker.kept
	for _, one := range parts {
		if !one.state.saved {
			kept.note(one.state)
		}
	}
	// Ids, and where records end that waited too long, are on disk before their lines are handed on.
	for wait := firstWait; unsaved(parts); wait = min(2*wait, longWait) {
		if r.save(ctx) {
			break
		}
		if !r.pause(ctx, wait) {
			return false
		}
	}
	if !r.deliver(parts, func() bool { return r.handOver(ctx, parts) }) {
		return false
	}
	r.save(context.WithoutCancel(ctx))
	return true
}

// deliver hands parts over, and then moves their checkpoints.
func (r *fileReader) deliver(parts []part, hand func() bool) bool {
	for _, one := range parts {
		one.state.flying = true
	}
	taken := hand()
	for _, one := range parts {
		one.state.flying = false
	}
	if !taken {
		return false
	}
	for _, one := range parts {
		one.state.advance(one.to, one.head)
		r.tracker.kept.note(one.state)
	}
	return true
}

func unsaved(parts []part) bool {
	for _, one := range parts {
		if !one.state.saved {
			return true
		}
	}
	return false
}

func (r *fileReader) save(ctx context.Context) bool {
	err := r.tracker.kept.save(ctx)
	if err != nil {
		r.set.Logger.Error("the checkpoints cannot be written; this is tried again", zap.Error(err))
	}
	return err == nil
}

// pause waits, and looks after the files meanwhile; false: to be ended.
func (r *fileReader) pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	tick := time.NewTicker(r.config.PollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-tick.C:
			r.look()
		}
	}
}

// handOver gives records to the pipeline until it takes them.
func (r *fileReader) handOver(ctx context.Context, parts []part) bool {
	records := 0
	for _, one := range parts {
		records += len(one.records)
	}
	if records == 0 {
		return true
	}
	observed := r.report.StartLogsOp(ctx)
	for wait := firstWait; ; wait = min(2*wait, longWait) {
		// Made anew each time: the pipeline changes what it is given, even where it then fails.
		err := r.consume(observed, r.logs(parts, records))
		if err == nil {
			r.report.EndLogsOp(observed, Type.String(), records, nil)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		r.set.Logger.Warn("the pipeline did not take the records; they are handed over again",
			zap.Error(err), zap.Int("records", records), zap.Duration("wait", wait))
		if !r.pause(ctx, wait) {
			return false
		}
	}
}

// consume waits for the pipeline. Meanwhile files are looked after, so that one
// that is rotated away is open before it loses its name.
func (r *fileReader) consume(ctx context.Context, logs plog.Logs) error {
	done := make(chan error, 1)
	go func() { done <- r.next.ConsumeLogs(ctx, logs) }()
	tick := time.NewTicker(r.config.PollInterval)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			r.look()
		}
	}
}

func (r *fileReader) logs(parts []part, records int) plog.Logs {
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	for key, value := range r.config.Resource {
		resource.Resource().Attributes().PutStr(key, value)
	}
	into := resource.ScopeLogs().AppendEmpty().LogRecords()
	into.EnsureCapacity(records)
	now := pcommon.NewTimestampFromTime(time.Now())
	for _, one := range parts {
		for _, line := range one.records {
			record := into.AppendEmpty()
			record.SetObservedTimestamp(now)
			record.Body().SetStr(line.text)
			record.Attributes().PutStr(UID, line.id)
		}
	}
	return logs
}
