package spread

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

type spreader struct {
	set       component.TelemetrySettings
	receivers []*receiver
	recent    *recent
	turned    chan struct{}
	again     time.Duration
	stop      context.CancelFunc
	watching  sync.WaitGroup
}

func newSpreader(config *Config, set component.TelemetrySettings) *spreader {
	s := &spreader{
		set: set, stop: func() {}, turned: make(chan struct{}, 1), again: config.Retry.InitialInterval,
		recent: newRecent(config.Remember, config.RememberBytes),
	}
	for _, endpoint := range config.Endpoints {
		r := newReceiver(endpoint, config, set.Logger)
		r.took, r.turned = s.took, s.turn
		s.receivers = append(s.receivers, r)
	}
	return s
}

// turn has what is remembered looked through: it does not wait for that.
func (s *spreader) turn() {
	select {
	case s.turned <- struct{}{}:
	default:
	}
}

func (s *spreader) took(traces ptrace.Traces, by *receiver, life int64) {
	s.recent.add(traces, by, life)
	if by.lives.Load() != life || !by.answers() {
		s.turn()
	}
}

func (s *spreader) start(ctx context.Context, host component.Host) error {
	watched, stop := context.WithCancel(context.Background())
	s.stop = stop
	for _, r := range s.receivers {
		if err := r.open(ctx, host, s.set); err != nil {
			return err
		}
		s.watching.Add(1)
		go func() {
			defer s.watching.Done()
			r.watch(watched)
		}()
	}
	s.watching.Add(1)
	go func() {
		defer s.watching.Done()
		for {
			select {
			case <-watched.Done():
				return
			case <-s.turned:
				s.follow(watched)
			}
		}
	}()
	return nil
}

// follow sends again what was taken a short while ago, where its trace goes to another now, or its receiver died.
func (s *spreader) follow(ctx context.Context) {
	for _, batch := range s.recent.take() {
		live := s.live(nil)
		if len(live) == 0 {
			// Whoever answers first has it looked through.
			s.recent.put(batch)
			continue
		}
		moved := ptrace.NewTraces()
		for at, share := range split(batch.traces, live) {
			switch {
			case share.SpanCount() == 0:
			case live[at] == batch.by && batch.by.lives.Load() == batch.life:
				s.recent.put(&taken{traces: share, by: batch.by, life: batch.life, at: batch.at, bytes: sizes.TracesSize(share)})
			default:
				share.ResourceSpans().MoveAndAppendTo(moved.ResourceSpans())
			}
		}
		s.insist(ctx, moved)
	}
}

// insist sends traces until somebody has them.
func (s *spreader) insist(ctx context.Context, traces ptrace.Traces) {
	for traces.SpanCount() > 0 {
		err := s.push(ctx, traces)
		if err == nil || consumererror.IsPermanent(err) {
			return
		}
		traces = unsent(traces, err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.again):
		}
	}
}

func (s *spreader) live(without map[*receiver]bool) []*receiver {
	var live []*receiver
	for _, r := range s.receivers {
		if r.answers() && !without[r] {
			live = append(live, r)
		}
	}
	return live
}

func (s *spreader) shutdown(context.Context) error {
	s.stop()
	s.watching.Wait()
	var errs []error
	for _, r := range s.receivers {
		if r.conn != nil {
			errs = append(errs, r.conn.Close())
		}
	}
	return errors.Join(errs...)
}

// push sends each trace to its receiver, or to the next that answers. Its error holds what is to be sent again.
func (s *spreader) push(ctx context.Context, traces ptrace.Traces) error {
	var retried, dropped []error
	waiting, asked := ptrace.NewTraces(), map[*receiver]bool{}
	for traces.SpanCount() > 0 {
		live := s.live(asked)
		if len(live) == 0 {
			retried = append(retried, errors.New("no receiver answers"))
			traces.ResourceSpans().MoveAndAppendTo(waiting.ResourceSpans())
			break
		}
		shares := split(traces, live)
		errs := sendAll(ctx, live, shares)
		traces = ptrace.NewTraces()
		for at, err := range errs {
			switch {
			case err == nil:
			case consumererror.IsPermanent(err):
				dropped = append(dropped, err)
			case errors.Is(err, errAway):
				asked[live[at]] = true
				retried = append(retried, err)
				unsent(shares[at], err).ResourceSpans().MoveAndAppendTo(traces.ResourceSpans())
			default:
				retried = append(retried, err)
				unsent(shares[at], err).ResourceSpans().MoveAndAppendTo(waiting.ResourceSpans())
			}
		}
	}
	if waiting.SpanCount() == 0 {
		return errors.Join(dropped...)
	}
	if len(dropped) > 0 {
		// As it is, it would keep the others from being sent again.
		retried = append(retried, errors.New("dropped: "+errors.Join(dropped...).Error()))
	}
	return consumererror.NewTraces(errors.Join(retried...), waiting)
}

func sendAll(ctx context.Context, to []*receiver, shares []ptrace.Traces) []error {
	errs := make([]error, len(to))
	var sending sync.WaitGroup
	for at, r := range to {
		if shares[at].SpanCount() == 0 {
			continue
		}
		sending.Add(1)
		go func() {
			defer sending.Done()
			errs[at] = r.send(ctx, shares[at])
		}()
	}
	sending.Wait()
	return errs
}

// unsent is what of a share was not delivered.
func unsent(share ptrace.Traces, err error) ptrace.Traces {
	var failed consumererror.Traces
	if errors.As(err, &failed) {
		return failed.Data()
	}
	return share
}

// split makes of a batch one for each receiver: the spans of its traces, with their resources and scopes.
func split(traces ptrace.Traces, receivers []*receiver) []ptrace.Traces {
	shares := make([]ptrace.Traces, len(receivers))
	for at := range shares {
		shares[at] = ptrace.NewTraces()
	}
	if len(receivers) == 1 {
		traces.MoveTo(shares[0])
		return shares
	}
	known := map[pcommon.TraceID]int{}
	for _, rs := range traces.ResourceSpans().All() {
		resources := make([]*ptrace.ResourceSpans, len(receivers))
		for _, ss := range rs.ScopeSpans().All() {
			scopes := make([]*ptrace.ScopeSpans, len(receivers))
			for _, span := range ss.Spans().All() {
				at, ok := known[span.TraceID()]
				if !ok {
					at = first(span.TraceID(), receivers)
					known[span.TraceID()] = at
				}
				if resources[at] == nil {
					made := shares[at].ResourceSpans().AppendEmpty()
					rs.Resource().CopyTo(made.Resource())
					made.SetSchemaUrl(rs.SchemaUrl())
					resources[at] = &made
				}
				if scopes[at] == nil {
					made := resources[at].ScopeSpans().AppendEmpty()
					ss.Scope().CopyTo(made.Scope())
					made.SetSchemaUrl(ss.SchemaUrl())
					scopes[at] = &made
				}
				span.MoveTo(scopes[at].Spans().AppendEmpty())
			}
		}
	}
	return shares
}

// first is the receiver that ranks highest for a trace: its place in the list.
func first(trace pcommon.TraceID, receivers []*receiver) int {
	best, highest := 0, uint64(0)
	for at, r := range receivers {
		digest := xxhash.New()
		_, _ = digest.WriteString(r.config.Endpoint)
		_, _ = digest.Write(trace[:])
		if rank := digest.Sum64(); at == 0 || rank > highest {
			best, highest = at, rank
		}
	}
	return best
}
