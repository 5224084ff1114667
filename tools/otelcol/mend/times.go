package mend

import (
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Marks of a span whose times were mended; the original ones are nanoseconds since 1970, as text.
const (
	MarkTime  = "obs.time_mended"
	MarkStart = "obs.original.start_time_unix_nano"
	MarkEnd   = "obs.original.end_time_unix_nano"
)

// window is what a sane clock may say.
type window struct{ low, now, high pcommon.Timestamp }

func (w window) holds(at pcommon.Timestamp) bool { return w.low <= at && at <= w.high }

func (w window) sane(span ptrace.Span) bool {
	start, end := span.StartTimestamp(), span.EndTimestamp()
	return start <= end && w.low <= start && end <= w.high
}

// mend puts every span into the window and tells how many were not.
//
// Spans of one sender whose clock is wrong altogether are moved together, so that
// their order and durations stay: the last of them ends now.
func (w window) mend(rs ptrace.ResourceSpans) int64 {
	var mended int64
	var past, future pcommon.Timestamp
	for _, ss := range rs.ScopeSpans().All() {
		for _, span := range ss.Spans().All() {
			if w.sane(span) {
				continue
			}
			mended++
			w.mark(span)
			w.straighten(span)
			switch end := span.EndTimestamp(); {
			case end < w.low:
				past = max(past, end)
			case end > w.high:
				future = max(future, end)
			}
		}
	}
	if past == 0 && future == 0 {
		return mended
	}
	for _, ss := range rs.ScopeSpans().All() {
		for _, span := range ss.Spans().All() {
			switch end := span.EndTimestamp(); {
			case end < w.low:
				w.move(span, past)
			case end > w.high:
				w.move(span, future)
			}
		}
	}
	return mended
}

func (w window) mark(span ptrace.Span) {
	span.Attributes().PutBool(MarkTime, true)
	span.Attributes().PutStr(MarkStart, strconv.FormatUint(uint64(span.StartTimestamp()), 10))
	span.Attributes().PutStr(MarkEnd, strconv.FormatUint(uint64(span.EndTimestamp()), 10))
}

// straighten lets the believable one of two times stand for the other.
func (w window) straighten(span ptrace.Span) {
	start, end := span.StartTimestamp(), span.EndTimestamp()
	switch {
	case w.holds(end) && !w.holds(start):
		span.SetStartTimestamp(end)
	case w.holds(start), end < start:
		span.SetEndTimestamp(start)
	case start == 0 || start < w.low && end > w.high:
		span.SetStartTimestamp(w.now)
		span.SetEndTimestamp(w.now)
	}
}

// move shifts a span and its events so that `last` becomes now.
func (w window) move(span ptrace.Span, last pcommon.Timestamp) {
	shift := func(at pcommon.Timestamp) pcommon.Timestamp {
		// Unsigned, this is right in both directions.
		moved := at - last + w.now
		if !w.holds(moved) {
			return w.now
		}
		return moved
	}
	start, end := shift(span.StartTimestamp()), shift(span.EndTimestamp())
	span.SetStartTimestamp(min(start, end))
	span.SetEndTimestamp(end)
	for _, event := range span.Events().All() {
		event.SetTimestamp(shift(event.Timestamp()))
	}
}
