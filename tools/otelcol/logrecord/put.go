package logrecord

// How a value that was read is given to the store, and which numbers are exact.

import (
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// put writes a value as exactly as the store can hold it: what no number holds
// is a text, as written.
func put(v value, out pcommon.Value) {
	switch v.kind {
	case null:
	case boolean:
		out.SetBool(v.raw == "true")
	case number:
		putNumber(v.raw, out)
	case text:
		out.SetStr(v.text)
	case array:
		slice := out.SetEmptySlice()
		slice.EnsureCapacity(len(v.items))
		for _, item := range v.items {
			put(item, slice.AppendEmpty())
		}
	case object:
		if len(v.members) > maxMembers {
			out.SetStr(v.raw)
			return
		}
		fields := out.SetEmptyMap()
		fields.EnsureCapacity(len(v.members))
		for _, m := range v.members {
			put(m.value, fields.PutEmpty(m.key))
		}
	case odd:
		out.SetStr(v.raw)
	}
}

func putNumber(raw string, out pcommon.Value) {
	if whole, err := strconv.ParseInt(raw, 10, 64); err == nil {
		out.SetInt(whole)
	} else if double, ok := exact(raw); ok {
		out.SetDouble(double)
	} else {
		out.SetStr(raw)
	}
}

// exact is the number as a float64, if that is written with the same digits.
func exact(raw string) (float64, bool) {
	double, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.IsInf(double, 0) {
		return 0, false
	}
	written := significant(raw)
	if !strings.ContainsAny(raw, ".eE") && len(raw) > 15 || double == 0 && written != "" {
		return 0, false
	}
	return double, len(written) <= 15 || written == significant(strconv.FormatFloat(double, 'e', -1, 64))
}

// significant are a number's digits without sign, point, exponent and outer zeros.
func significant(raw string) string {
	if end := strings.IndexAny(raw, "eE"); end >= 0 {
		raw = raw[:end]
	}
	return strings.Trim(strings.Replace(strings.TrimPrefix(raw, "-"), ".", "", 1), "0")
}

// from turns what came as attributes or body of a record into values.
func from(v pcommon.Value) value {
	switch v.Type() {
	case pcommon.ValueTypeEmpty:
		return value{kind: null, raw: "null"}
	case pcommon.ValueTypeStr:
		return textOf(v.Str())
	case pcommon.ValueTypeBool:
		return value{kind: boolean, raw: strconv.FormatBool(v.Bool())}
	case pcommon.ValueTypeInt:
		return value{kind: number, raw: strconv.FormatInt(v.Int(), 10)}
	case pcommon.ValueTypeDouble:
		raw := strconv.FormatFloat(v.Double(), 'g', -1, 64)
		if !isNumber(raw) && !strings.Contains(raw, "e") {
			return value{kind: odd, raw: raw}
		}
		return value{kind: number, raw: raw}
	case pcommon.ValueTypeMap:
		found := value{kind: object, raw: v.AsString()}
		for key, item := range v.Map().All() {
			found.members = append(found.members, member{key, from(item)})
		}
		return found
	case pcommon.ValueTypeSlice:
		found := value{kind: array, raw: v.AsString()}
		for _, item := range v.Slice().All() {
			found.items = append(found.items, from(item))
		}
		return found
	}
	return textOf(v.AsString())
}

// isNumber knows JSON's numbers: no plus, no leading zero, digits on both sides of a point.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := digits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	s = s[whole:]
	if strings.HasPrefix(s, ".") {
		fraction := digits(s[1:])
		if fraction == 0 {
			return false
		}
		s = s[1+fraction:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		exponent := digits(s)
		return exponent > 0 && exponent == len(s)
	}
	return s == ""
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
