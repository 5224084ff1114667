package logrecord

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Types of fields, named as in the stack file.
const (
	keyword = "keyword"
	fulltxt = "text"
	long    = "long"
	double  = "double"
	boolTyp = "boolean"
	date_   = "date"
	ip      = "ip"
)

// schema knows each field's type, and the objects that lead to fields.
type schema struct {
	types map[string]string
	// above are the beginnings of dotted names: the index has an object there.
	above map[string]bool
}

func newSchema(types map[string]string) *schema {
	s := &schema{types: types, above: map[string]bool{}}
	for name := range types {
		for i := range len(name) {
			if name[i] == '.' {
				s.above[name[:i]] = true
			}
		}
	}
	return s
}

// metadata are names that OpenSearch keeps for itself and refuses in a record.
var metadata = map[string]bool{
	"_id": true, "_index": true, "_routing": true, "_source": true, "_field_names": true, "_ignored": true, "_type": true,
	"_nested_path": true, "_doc_count": true, "_seq_no": true, "_primary_term": true, "_version": true, "_size": true,
	"_data_stream_timestamp": true, "_feature": true, "_tier": true,
}

const maxKey = 256

// oddKey says that OpenSearch would refuse the whole record for this name.
func oddKey(key string) bool {
	if len(key) == 0 || len(key) > maxKey || metadata[key] {
		return true
	}
	blank := true
	for _, c := range key {
		if c == '.' {
			if blank {
				return true
			}
			blank = true
		} else if blank && !unicode.IsSpace(c) {
			blank = false
		}
	}
	return blank
}

// leafAbove returns the field of the schema that the dotted key would lie inside.
func (s *schema) leafAbove(key string) string {
	for i := range len(key) {
		if key[i] == '.' && s.types[key[:i]] != "" {
			return key[:i]
		}
	}
	return ""
}

// fit writes the value into `out` as a field of this type takes it; false if it does not.
func fit(v value, kind string, out pcommon.Value, zone *time.Location, now time.Time) bool {
	switch v.kind {
	case null:
		return true
	case object:
		return false
	case array:
		slice := out.SetEmptySlice()
		for _, item := range v.items {
			if !fit(item, kind, slice.AppendEmpty(), zone, now) {
				return false
			}
		}
		return true
	}
	if v.kind == text && v.text == "" && kind != keyword && kind != fulltxt {
		return true // no number, date or address: nothing
	}
	switch kind {
	case keyword, fulltxt:
		if v.kind == number && strings.ContainsAny(v.raw, ".eE") {
			out.SetStr(v.raw)
			return true
		}
		put(v, out)
		return true
	case long:
		return fitLong(v, out)
	case double:
		return fitDouble(v, out)
	case boolTyp:
		return fitBool(v, out)
	case ip:
		address, err := netip.ParseAddr(strings.TrimSpace(v.said()))
		out.SetStr(strings.TrimSpace(v.said()))
		return v.kind == text && err == nil && address.Zone() == ""
	case date_:
		if v.kind == text && len(v.text) == len("2026-11-25") {
			if _, err := time.Parse(time.DateOnly, v.text); err == nil {
				out.SetStr(v.text)
				return true
			}
		}
		found, ok := moment(v, zone, now)
		if !ok || found.Year() < 1 || found.Year() > 9999 {
			return false
		}
		out.SetStr(found.Format(time.RFC3339Nano))
		return true
	}
	return false
}

// fitLong takes what the store takes: decimals too, which it cuts for searching.
func fitLong(v value, out pcommon.Value) bool {
	if v.kind != number && v.kind != text {
		return false
	}
	if whole, err := strconv.ParseInt(v.said(), 10, 64); err == nil && isNumber(strings.TrimPrefix(v.said(), "+")) {
		out.SetInt(whole)
		return true
	}
	if !isNumber(v.said()) {
		return false
	}
	// 2^63 is the first float64 above what fits, and -2^63 fits.
	size, err := strconv.ParseFloat(v.said(), 64)
	if err != nil || size >= 1<<63 || size < -1<<63 || !strings.ContainsAny(v.said(), ".eE") {
		return false
	}
	put(value{kind: number, raw: v.said()}, out)
	return true
}

func fitDouble(v value, out pcommon.Value) bool {
	if v.kind != number && v.kind != text || !isNumber(v.said()) {
		return false
	}
	if size, err := strconv.ParseFloat(v.said(), 64); err != nil || math.IsInf(size, 0) {
		return false
	}
	put(value{kind: number, raw: v.said()}, out)
	return true
}

func fitBool(v value, out pcommon.Value) bool {
	if v.kind == number {
		return false
	}
	switch lower(v.said()) {
	case "true":
		out.SetBool(true)
	case "false":
		out.SetBool(false)
	default:
		return false
	}
	return true
}
