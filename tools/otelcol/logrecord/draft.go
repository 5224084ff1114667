package logrecord

import (
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Fields that say what was not understood, and keep it.
const (
	parseError    = "parse_error"
	unparsed      = "unparsed"
	timestamp     = "timestamp"
	timestampText = "timestamp_text"
	logLevel      = "log_level"
)

type problemKind uint8

const (
	formatProblem problemKind = iota
	timeProblem
	levelProblem
	fieldProblem
	kinds
)

func (k problemKind) String() string { return [...]string{"format", "time", "level", "field"}[k] }

type problem struct {
	kind problemKind
	text string
}

const maxProblems = 8

// draft is a record while it is made.
type draft struct {
	*recorder
	source  *source
	record  plog.LogRecord
	now     time.Time
	service string // of the source

	uid       string
	level     string
	levelSaid bool
	timeSaid  bool
	problems  []problem
	aside     []member // what has no place in the schema, as text
}

func (d *draft) complain(kind problemKind, text string) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, problem{kind, text})
	}
}

func (d *draft) setAside(key string, v value) {
	d.aside = append(d.aside, member{key[:min(len(key), maxKey)], v})
}

// fill makes the record. What its reader says of it is kept aside until parsing
// is done, so that no line can choose its own id.
func (d *draft) fill() {
	attributes := d.record.Attributes()
	message := d.record.Body().AsString()
	var members []member
	var said hints
	if d.source == parsed {
		d.uid = textAt(attributes, d.config.IDAttribute)
		attributes.Remove(d.config.IDAttribute)
		members = make([]member, 0, attributes.Len())
		for key, v := range attributes.All() {
			members = append(members, member{key, from(v)})
		}
		attributes.Clear()
	} else {
		d.uid = d.identify(message)
		attributes.RemoveIf(func(key string, _ pcommon.Value) bool {
			return strings.HasPrefix(key, "log.file.") || key == d.config.IDAttribute
		})
		message = strings.TrimPrefix(message, "\ufeff")
		members, said = d.parse(message)
	}
	attributes.EnsureCapacity(attributes.Len() + len(members) + len(d.labels) + len(d.enrich) + 4)

	found := candidates(members)
	used := make([]bool, len(members))
	d.takeTime(found[timeRole], members, used, said)
	d.takeLevel(found[levelRole], members, used, said)
	if d.source.format == "json" || d.source.format == "regex" {
		d.unnamed(members)
	}
	if d.source != parsed {
		message = d.takeMessage(found[messageRole], members, used, message)
	}
	d.takeID("trace_id", found[traceRole], members, used)
	d.takeID("span_id", found[spanRole], members, used)
	d.takeID("transaction_id", found[transactionRole], members, used)
	d.takeID("service", found[serviceRole], members, used)
	d.place(members, used)
	d.finish(message)
}

// parse reads a line's fields. A line that does not fit is kept whole as the
// message, and says so.
func (d *draft) parse(line string) ([]member, hints) {
	switch d.source.format {
	case "json":
		members, ok := parseObject(line)
		if !ok {
			d.complain(formatProblem, "not a JSON object")
		}
		return members, hints{}
	case "regex":
		groups := d.source.pattern.FindStringSubmatch(line)
		if groups == nil {
			d.complain(formatProblem, "does not match the pattern")
			return nil, hints{}
		}
		members := make([]member, 0, len(groups))
		for i, name := range d.source.groups {
			if name != "" && groups[i] != "" {
				members = append(members, member{name, textOf(groups[i])})
			}
		}
		return members, hints{}
	}
	return nil, readHints(line, d.source.zone, d.now)
}

func (d *draft) sane(t time.Time) bool {
	return !t.Before(d.now.Add(-d.config.Window.Past)) && !t.After(d.now.Add(d.config.Window.Future))
}

// takeTime sets the record's time: its own, which also chooses its index, where
// it is understood and sane; else the time of reading, with what was written beside it.
func (d *draft) takeTime(found []candidate, members []member, used []bool, said hints) {
	seen := d.record.ObservedTimestamp().AsTime()
	if d.record.ObservedTimestamp() == 0 || !d.sane(seen) {
		seen = d.now
		d.record.SetObservedTimestamp(pcommon.NewTimestampFromTime(seen))
	}
	d.timeSaid = true
	set := func(t time.Time) { d.record.SetTimestamp(pcommon.NewTimestampFromTime(t)) }
	if d.record.Timestamp() != 0 {
		own := d.record.Timestamp().AsTime()
		if !d.sane(own) {
			d.complain(timeProblem, "time outside the window")
			d.record.Attributes().PutStr(timestampText, own.Format(time.RFC3339Nano))
			set(seen)
		}
		return
	}
	reason, written := "", ""
	for _, c := range found {
		if c.value.kind == null || c.value.kind == text && c.value.text == "" {
			continue
		}
		own, ok := moment(c.value, d.source.zone, d.now)
		if ok && d.sane(own) {
			set(own)
			if c.inner == "" && (members[c.at].key == timestamp || d.schema.types[members[c.at].key] == "") {
				used[c.at] = true
			}
			return
		}
		if c.sure && reason == "" {
			if reason, written = "time not understood", c.value.said(); ok {
				reason = "time outside the window"
			}
			if c.inner == "" && members[c.at].key == timestamp {
				used[c.at] = true
			}
		}
	}
	if !said.time.IsZero() {
		if d.sane(said.time) {
			set(said.time)
			return
		}
		reason, written = "time outside the window", said.time.Format(time.RFC3339Nano)
	}
	set(seen)
	d.timeSaid = false
	if reason != "" {
		d.complain(timeProblem, reason)
		d.record.Attributes().PutStr(timestampText, written)
	}
}

// takeLevel finds one of a set of names, lower case. A name says more than a
// number. A record that does not say is `info`; what is not understood stays as it is.
func (d *draft) takeLevel(found []candidate, members []member, used []bool, said hints) {
	var unknown *candidate
	for _, numbers := range []bool{false, true} {
		for i := range found {
			c := &found[i]
			v := c.value
			if v.kind == object { // loguru's record.level
				v, _ = v.get("name")
			}
			isNumeric := v.kind == number || v.kind == text && v.text != "" && digits(v.text) == len(v.text)
			if isNumeric != numbers || v.kind != number && v.kind != text || v.said() == "" {
				continue
			}
			level, ok := levelOfName(v.said())
			if numbers {
				level, ok = levelOfNumber(v.said(), c.scale)
			}
			if !ok {
				if unknown == nil && c.sure {
					unknown = c
				}
				continue
			}
			d.level, d.levelSaid = level, true
			if c.inner == "" {
				key := members[c.at].key
				used[c.at] = key == logLevel || d.schema.types[key] == "" && strings.EqualFold(v.said(), level)
			}
			return
		}
	}
	switch {
	case said.level != "":
		d.level, d.levelSaid = said.level, true
	case unknown != nil:
		d.level = unknown.value.said()
		d.complain(levelProblem, "level not understood")
		if unknown.inner == "" && members[unknown.at].key == logLevel {
			used[unknown.at] = true
		}
	default:
		if level, ok := levelOfSeverity(d.record.SeverityNumber()); ok {
			d.level, d.levelSaid = level, true
		} else if level, ok := levelOfName(d.record.SeverityText()); ok {
			d.level, d.levelSaid = level, true
		} else {
			d.level = "info"
		}
	}
}

// unnamed tells of a time and of a level that stand under names of which nobody
// knows that they are such, where the record says neither otherwise.
func (d *draft) unnamed(members []member) {
	for _, kind := range []problemKind{timeProblem, levelProblem} {
		if kind == timeProblem && d.timeSaid || kind == levelProblem && d.levelSaid || d.complained(kind) {
			continue
		}
		for _, m := range members {
			if m.value.kind != text {
				continue
			}
			if kind == levelProblem && plainLevels[strings.ToLower(m.value.text)] {
				d.complain(kind, "level not understood")
				break
			}
			// Digits alone may be anything.
			if at, ok := moment(m.value, d.source.zone, d.now); kind == timeProblem && ok && d.sane(at) &&
				strings.ContainsAny(m.value.text, ":") {
				d.complain(kind, "time not understood")
				d.record.Attributes().PutStr(timestampText, m.value.text)
				break
			}
		}
	}
}

func (d *draft) complained(kind problemKind) bool {
	return slices.ContainsFunc(d.problems, func(p problem) bool { return p.kind == kind })
}

// takeMessage finds the message. One that is no text is kept as it was written.
func (d *draft) takeMessage(found []candidate, members []member, used []bool, whole string) string {
	empty := false
	for _, c := range found {
		if c.value.kind == null || c.value.kind != text && !c.sure {
			continue
		}
		// One that is declared as a field is that as well.
		once := c.inner == "" && (members[c.at].key == "message" || d.schema.types[members[c.at].key] == "")
		if c.value.said() == "" {
			if once {
				used[c.at], empty = true, true
			}
			continue
		}
		if once {
			used[c.at] = true
		} else if c.inner != "" {
			members[c.at].value = without(members[c.at].value, c.inner)
		}
		return c.value.said()
	}
	if empty {
		return ""
	}
	return whole
}

func without(v value, key string) value {
	kept := make([]member, 0, len(v.members))
	for _, m := range v.members {
		if m.key != key {
			kept = append(kept, m)
		}
	}
	v.members = kept
	return v
}

// takeID puts an id, or the service, where the schema has it, if it stands under another name.
func (d *draft) takeID(name string, found []candidate, members []member, used []bool) {
	for _, c := range found {
		if c.inner == "" && members[c.at].key == name {
			if c.value.kind != null && c.value.said() != "" {
				return
			}
			used[c.at] = true
			continue
		}
		if c.value.kind != text || c.value.text == "" {
			continue
		}
		if name == "service" && c.inner != "" {
			return // the object is the service's own, see placeObject
		}
		d.record.Attributes().PutStr(name, c.value.text)
		if c.inner == "" && d.schema.types[members[c.at].key] == "" {
			used[c.at] = true
		}
		return
	}
}
