package opensearchlogs

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

const (
	// promptUnits is how much of one source may be on its way in the prompt lane. A unit is a record, and
	// each whole KiB of it one more.
	promptUnits = 1000
	unitBytes   = 1 << 10
	// promptShare: the prompt lane's queue takes one of so many parts of what the backlog's takes, beside it.
	promptShare = 8
	// promptConsumers send what is in the prompt lane: one may be trying again.
	promptConsumers = 2
)

// lanes are two queues to one store. A queue gives out what came first, so that a flood of one source would
// hold up the few records of all others until it is stored. Here a source has only so much on its way in the
// prompt lane; the rest of it goes into the backlog. Both are on disk, and each record is in one of them.
type lanes struct {
	prompt, backlog exporter.Logs
	room            int64

	mu    sync.Mutex
	onWay map[string]int64
	whole int64
}

// newLanes makes both; make makes one, by its name and settings, that sends with push.
func newLanes(config *Config, set exporter.Settings, push consumer.ConsumeLogsFunc,
	lane func(exporter.Settings, *Config, consumer.ConsumeLogsFunc) (exporter.Logs, error)) (*lanes, error) {
	l := &lanes{onWay: map[string]int64{}}
	first, quick := *config, set
	first.Queue.QueueSize = max(config.Queue.QueueSize/promptShare, 1)
	first.Queue.NumConsumers = promptConsumers
	// What is counted here and what the queue counts differ a little; it must never be full.
	if l.room = first.Queue.QueueSize / 2; first.Queue.Sizer == exporterhelper.RequestSizerTypeBytes {
		l.room /= unitBytes
	}
	quick.ID = promptID(set.ID)
	var failed, also error
	l.prompt, failed = lane(quick, &first, l.counted(push))
	// The backlog has the exporter's own name: what an older version had queued is there.
	l.backlog, also = lane(set, config, push)
	return l, errors.Join(failed, also)
}

func promptID(id component.ID) component.ID {
	if id.Name() == "" {
		return component.NewIDWithName(id.Type(), "prompt")
	}
	return component.NewIDWithName(id.Type(), id.Name()+"-prompt")
}

func (l *lanes) Start(ctx context.Context, host component.Host) error {
	if err := l.prompt.Start(ctx, host); err != nil {
		return err
	}
	return l.backlog.Start(ctx, host)
}

func (l *lanes) Shutdown(ctx context.Context) error {
	return errors.Join(l.prompt.Shutdown(ctx), l.backlog.Shutdown(ctx))
}

func (l *lanes) Capabilities() consumer.Capabilities { return l.backlog.Capabilities() }

func (l *lanes) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	units := unitsOf(logs)
	if !l.admit(units) {
		return l.backlog.ConsumeLogs(ctx, logs)
	}
	err := l.prompt.ConsumeLogs(ctx, logs)
	if err != nil {
		l.arrived(units)
	}
	return err
}

// admit takes note of what goes into the prompt lane, if all of it may.
func (l *lanes) admit(units map[string]int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	var sum int64
	for source, more := range units {
		if sum += more; l.onWay[source]+more > promptUnits {
			return false
		}
	}
	if l.whole+sum > l.room {
		return false
	}
	for source, more := range units {
		l.onWay[source] += more
	}
	l.whole += sum
	return true
}

// arrived takes note of what left the prompt lane. Records that an earlier process queued were never counted.
func (l *lanes) arrived(units map[string]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for source, less := range units {
		less = min(less, l.onWay[source])
		if l.onWay[source] -= less; l.onWay[source] == 0 {
			delete(l.onWay, source)
		}
		l.whole -= less
	}
}

// counted is push, noting what need not be sent again.
func (l *lanes) counted(push consumer.ConsumeLogsFunc) consumer.ConsumeLogsFunc {
	return func(ctx context.Context, logs plog.Logs) error {
		units := unitsOf(logs)
		err := push(ctx, logs)
		if err != nil {
			var some consumererror.Logs
			if !errors.As(err, &some) {
				return err
			}
			for source, left := range unitsOf(some.Data()) {
				units[source] -= left
			}
		}
		l.arrived(units)
		return err
	}
}

var proto plog.ProtoMarshaler

// unitsOf weighs records by source. A record weighs the same whatever it is queued and sent with.
func unitsOf(logs plog.Logs) map[string]int64 {
	units := map[string]int64{}
	for _, rl := range logs.ResourceLogs().All() {
		source := sourceOf(rl.Resource().Attributes())
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				units[source] += 1 + int64(proto.LogRecordSize(record)/unitBytes)
			}
		}
	}
	return units
}

// sourceOf is who wrote: a source of files, or a client's service.
func sourceOf(resource pcommon.Map) string {
	for _, key := range []string{"log.source", "service.name"} {
		if value, ok := resource.Get(key); ok {
			return key + value.AsString()
		}
	}
	return ""
}
