package keep

import (
	"encoding/binary"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// span of time from a trace's earliest start to its latest end.
type extent struct{ first, last pcommon.Timestamp }

func (e *extent) add(span ptrace.Span) {
	if start := span.StartTimestamp(); e.first == 0 || start < e.first {
		e.first = start
	}
	e.last = max(e.last, span.EndTimestamp())
}

// wanted says whether a span speaks for its trace, which so far reaches over `all`.
func (c *Config) wanted(span ptrace.Span, resource pcommon.Map, all *extent) bool {
	if c.Errors && span.Status().Code() == ptrace.StatusCodeError {
		return true
	}
	if all.last > all.first && uint64(all.last-all.first) >= uint64(c.Slow) {
		return true
	}
	for _, mark := range c.Marks {
		for _, attributes := range []pcommon.Map{span.Attributes(), resource} {
			if value, ok := attributes.Get(mark.Key); ok && mark.fits(value) {
				return true
			}
		}
	}
	return false
}

func (m Mark) fits(value pcommon.Value) bool {
	switch wanted := m.Value.(type) {
	case bool:
		return value.Type() == pcommon.ValueTypeBool && value.Bool() == wanted
	case string:
		return value.Type() == pcommon.ValueTypeStr && value.Str() == wanted
	}
	return false
}

// lucky says whether a trace belongs to the share that is kept anyway: always the same of the same id.
func (c *Config) lucky(id pcommon.TraceID) bool {
	if c.Ratio >= 1 {
		return true
	}
	// Some makers of ids put the time into the first half, or nothing.
	hash := mix(binary.BigEndian.Uint64(id[:8])) ^ binary.BigEndian.Uint64(id[8:])
	return float64(mix(hash)) < c.Ratio*math.MaxUint64
}

// mix is the finalizer of SplitMix64: every bit of the result depends on every bit given.
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}
