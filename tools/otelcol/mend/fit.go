package mend

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"observability-suite/otelcol/plain"
)

// MarkTruncated is on spans and resources that were too large and of which the largest values were cut.
const MarkTruncated = "obs.truncated"

const (
	longest  = 128 << 10
	shortest = 64
	// room is left for the mark itself and for how sizes are written.
	room = 64
	// eventItems is what an event takes beside its attributes: itself, and its name.
	eventItems = 2
	// resourceItems bounds the attributes of a resource: the store has them with every span.
	resourceItems = 1000
	// anyNumber of items is more than a message can have.
	anyNumber = 1 << 30
)

var measure ptrace.ProtoMarshaler

// Span cuts a span to at most so many bytes and marks it, as the processor does; false where it fits.
func Span(span ptrace.Span, bytes int) bool { return fit(span, bytes, anyNumber) }

// fit makes a span small enough, largest values first, and marks it; false where it was.
func fit(span ptrace.Span, bytes, items int) bool {
	cut := thin(span, items)
	if measure.SpanSize(span) > bytes-room {
		cut = true
		for limit := longest; limit >= shortest && measure.SpanSize(span) > bytes-room; limit /= 2 {
			span.SetName(plain.Cut(span.Name(), limit))
			span.Status().SetMessage(plain.Cut(span.Status().Message(), limit))
			span.TraceState().FromRaw(plain.Cut(span.TraceState().AsRaw(), limit))
			shorten(span.Attributes(), limit)
			for _, event := range span.Events().All() {
				event.SetName(plain.Cut(event.Name(), limit))
				shorten(event.Attributes(), limit)
			}
			for _, link := range span.Links().All() {
				link.TraceState().FromRaw(plain.Cut(link.TraceState().AsRaw(), limit))
				shorten(link.Attributes(), limit)
			}
		}
		// Too many rather than too large: fewer, until it fits.
		for most := items / 2; most > 0 && measure.SpanSize(span) > bytes-room; most /= 2 {
			thin(span, most)
		}
	}
	if cut {
		span.Attributes().PutBool(MarkTruncated, true)
	}
	return cut
}

// thin leaves at most so many attributes, events and links, the first ones, and counts the rest as dropped.
func thin(span ptrace.Span, items int) bool {
	total := span.Attributes().Len() + eventItems*span.Events().Len() + span.Links().Len()
	for _, event := range span.Events().All() {
		total += event.Attributes().Len()
	}
	for _, link := range span.Links().All() {
		total += link.Attributes().Len()
	}
	if total <= items {
		return false
	}
	left := items
	take := func(count int) bool {
		if left < count {
			left = 0
			return false
		}
		left -= count
		return true
	}
	before := span.Attributes().Len()
	kept := 0
	span.Attributes().RemoveIf(func(string, pcommon.Value) bool { kept++; return kept > items/2 })
	span.SetDroppedAttributesCount(span.DroppedAttributesCount() + uint32(before-span.Attributes().Len()))
	left -= span.Attributes().Len()
	before = span.Events().Len()
	span.Events().RemoveIf(func(event ptrace.SpanEvent) bool { return !take(eventItems + event.Attributes().Len()) })
	span.SetDroppedEventsCount(span.DroppedEventsCount() + uint32(before-span.Events().Len()))
	before = span.Links().Len()
	span.Links().RemoveIf(func(link ptrace.SpanLink) bool { return !take(1 + link.Attributes().Len()) })
	span.SetDroppedLinksCount(span.DroppedLinksCount() + uint32(before-span.Links().Len()))
	return true
}

// cutMap shortens the largest values of a map until they take no more than so many bytes together.
func cutMap(attributes pcommon.Map, bytes int) bool {
	if weight(attributes) <= bytes && attributes.Len() <= resourceItems {
		return false
	}
	for limit := longest; limit >= shortest && weight(attributes) > bytes; limit /= 2 {
		shorten(attributes, limit)
	}
	left, count := bytes, 0
	attributes.RemoveIf(func(key string, value pcommon.Value) bool {
		if key == serviceName {
			return false
		}
		left -= heft(key, value)
		count++
		return left < 0 || count > resourceItems
	})
	return true
}

func shorten(attributes pcommon.Map, limit int) {
	for _, value := range attributes.All() {
		if heft("", value) > limit {
			value.SetStr(plain.Cut(value.AsString(), limit))
		}
	}
	attributes.RemoveIf(func(key string, _ pcommon.Value) bool { return len(key) > limit })
}

func weight(attributes pcommon.Map) int {
	sum := 0
	for key, value := range attributes.All() {
		sum += heft(key, value)
	}
	return sum
}

// heft is about what an attribute takes in a message.
func heft(key string, value pcommon.Value) int {
	const frame = 16
	switch value.Type() {
	case pcommon.ValueTypeStr:
		return frame + len(key) + len(value.Str())
	case pcommon.ValueTypeBytes:
		return frame + len(key) + value.Bytes().Len()
	case pcommon.ValueTypeMap:
		return frame + len(key) + weight(value.Map())
	case pcommon.ValueTypeSlice:
		sum := frame + len(key)
		for _, item := range value.Slice().All() {
			sum += heft("", item)
		}
		return sum
	default:
		return frame + len(key)
	}
}
