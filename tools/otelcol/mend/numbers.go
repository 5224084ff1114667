package mend

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// numbers makes text of what is no number in JSON: one NaN, and the store refuses the span.
func numbers(span ptrace.Span) {
	numbersOf(span.Attributes())
	for _, event := range span.Events().All() {
		numbersOf(event.Attributes())
	}
	for _, link := range span.Links().All() {
		numbersOf(link.Attributes())
	}
}

func numbersOf(attributes pcommon.Map) {
	for _, value := range attributes.All() {
		number(value)
	}
}

func number(value pcommon.Value) {
	switch value.Type() {
	case pcommon.ValueTypeDouble:
		switch double := value.Double(); {
		case math.IsNaN(double):
			value.SetStr("NaN")
		case math.IsInf(double, 1):
			value.SetStr("Infinity")
		case math.IsInf(double, -1):
			value.SetStr("-Infinity")
		}
	case pcommon.ValueTypeMap:
		numbersOf(value.Map())
	case pcommon.ValueTypeSlice:
		for _, item := range value.Slice().All() {
			number(item)
		}
	default:
	}
}
