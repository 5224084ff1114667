package opensearchlogs

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// timeLayout keeps all nine digits, so that timestamps also sort as text.
const timeLayout = "2006-01-02T15:04:05.000000000Z07:00"

// document is one record, ready to be sent.
type document struct {
	id, index string
	day       time.Time
	service   string
	source    []byte
}

// documents turns every record into a document, in the order of the records.
func (s *sink) documents(logs plog.Logs) ([]document, error) {
	out := make([]document, 0, logs.LogRecordCount())
	for _, rl := range logs.ResourceLogs().All() {
		resource := rl.Resource().Attributes()
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				doc, err := s.document(resource, record)
				if err != nil {
					return nil, err
				}
				out = append(out, doc)
			}
		}
	}
	return out, nil
}

// document lays a record out flat: its attributes are the fields, nested maps
// stay objects, and what the record holds beside them fills the gaps.
func (s *sink) document(resource pcommon.Map, record plog.LogRecord) (document, error) {
	fields := make(map[string]any, record.Attributes().Len()+8)
	if record.Body().Type() == pcommon.ValueTypeMap {
		for key, value := range record.Body().Map().AsRaw() {
			fields[key] = value
		}
	}
	for key, value := range record.Attributes().All() {
		if key != s.config.IDAttribute && !s.excluded(key) {
			fields[key] = value.AsRaw()
		}
	}
	fill := func(key, value string) {
		if _, ok := fields[key]; !ok && value != "" {
			fields[key] = value
		}
	}
	for _, key := range s.config.ResourceAttributes {
		if value, ok := resource.Get(key); ok {
			fill(key, value.AsString())
		}
	}
	if name, ok := resource.Get("service.name"); ok {
		fill("service", name.AsString())
	}
	if record.Body().Type() != pcommon.ValueTypeMap {
		fill("message", record.Body().AsString())
	}
	fill("log_level", level(record))
	if id := record.TraceID(); !id.IsEmpty() {
		fill("trace_id", id.String())
	}
	if id := record.SpanID(); !id.IsEmpty() {
		fill("span_id", id.String())
	}
	day := recordTime(record)
	fields["timestamp"] = day.Format(timeLayout)

	source, err := encode(fields)
	if err != nil {
		return document{}, err
	}
	service, _ := fields["service"].(string)
	return document{
		id:      recordID(record, s.config.IDAttribute),
		index:   s.config.Index.Prefix + "-" + day.Format(s.config.Index.DateLayout),
		day:     day,
		service: service,
		source:  source,
	}, nil
}

func (s *sink) excluded(key string) bool {
	for _, pattern := range s.config.ExcludeAttributes {
		if prefix, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasPrefix(key, prefix) || key == pattern {
			return true
		}
	}
	return false
}

// recordTime is the record's own time: a line read again lands in the same index.
func recordTime(record plog.LogRecord) time.Time {
	if record.Timestamp() != 0 {
		return record.Timestamp().AsTime()
	}
	return record.ObservedTimestamp().AsTime()
}

func level(record plog.LogRecord) string {
	if record.SeverityText() != "" {
		return record.SeverityText()
	}
	if record.SeverityNumber() == plog.SeverityNumberUnspecified {
		return ""
	}
	return strings.TrimRight(strings.ToUpper(record.SeverityNumber().String()), "1234")
}

// encode writes one line of JSON; numbers that JSON cannot hold become text.
func encode(fields map[string]any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(fields); err != nil {
		out.Reset()
		if err = encoder.Encode(finite(fields)); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

func finite(value any) any {
	switch v := value.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
	case []any:
		for i := range v {
			v[i] = finite(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = finite(v[key])
		}
	}
	return value
}
