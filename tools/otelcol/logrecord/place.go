package logrecord

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// place puts every member that has no role where the schema wants it. One that
// does not fit costs nothing but itself: it is kept as text under `unparsed`.
func (d *draft) place(members []member, used []bool) {
	var more strings.Builder
	attributes := d.record.Attributes()
	for i, m := range members {
		switch {
		case used[i]:
		case attributes.Len() >= maxMembers && d.schema.types[m.key] == "":
			if more.Len() > 0 {
				more.WriteByte(',')
			}
			more.WriteString(`"` + m.key + `":`)
			if m.value.kind == text && m.value.raw == m.value.text {
				more.WriteString(`"` + m.value.text + `"`)
			} else {
				more.WriteString(m.value.raw)
			}
		case m.key == logLevel || m.key == unparsed || m.key == d.config.IDAttribute:
			d.setAside(m.key, m.value)
		case m.key == timestamp:
			if _, taken := attributes.Get(timestampText); taken {
				d.setAside(m.key, m.value)
			} else {
				attributes.PutStr(timestampText, m.value.said())
			}
		default:
			d.placeOne(m.key, m.value, attributes)
		}
	}
	if more.Len() > 0 {
		d.complain(fieldProblem, "too many fields")
		d.setAside("…", textOf(more.String()))
	}
}

// placeOne puts one field. `into` is the record, or an object on the way to fields.
func (d *draft) placeOne(key string, v value, into pcommon.Map) {
	if oddKey(key) {
		d.misfit("odd name", key, v)
		return
	}
	if kind := d.schema.types[key]; kind != "" {
		d.placeField(key, kind, v, into)
		return
	}
	if leaf := d.schema.leafAbove(key); leaf != "" {
		d.placeBeside(strings.ReplaceAll(key, ".", "_"), key, v, into)
		return
	}
	if d.schema.above[key] {
		d.placeAbove(key, v, into)
		return
	}
	put(v, d.slot(key, into))
}

// slot is where a field goes. What stood there is kept aside: a key that comes
// twice means its last value, as everywhere.
func (d *draft) slot(key string, into pcommon.Map) pcommon.Value {
	if before, twice := into.Get(key); twice && before.Type() != pcommon.ValueTypeEmpty {
		d.misfit(key, key, from(before))
		pcommon.NewValueEmpty().CopyTo(before)
		return before
	}
	return into.PutEmpty(key)
}

func (d *draft) misfit(name, key string, v value) {
	d.complain(fieldProblem, "field: "+name[:min(len(name), 64)])
	d.setAside(key, v)
}

// placeField puts a field of the schema.
func (d *draft) placeField(key, kind string, v value, into pcommon.Map) {
	fitting := pcommon.NewValueEmpty()
	if fit(v, kind, fitting, d.source.zone, d.now) {
		fitting.MoveTo(d.slot(key, into))
		return
	}
	name, ok := v.get("name")
	if v.kind != object || kind != keyword || !ok || name.kind != text {
		d.misfit(key, key, v)
		return
	}
	// {"service": {"name": "orders", "version": "7"}} says who it is, and more.
	d.slot(key, into).SetStr(name.text)
	for _, inner := range v.members {
		if inner.key != "name" {
			d.placeBeside(key+"_"+strings.ReplaceAll(inner.key, ".", "_"), key+"."+inner.key, inner.value, into)
		}
	}
}

// placeBeside puts service.version, which cannot lie inside the field `service`,
// beside it as service_version.
func (d *draft) placeBeside(name, key string, v value, into pcommon.Map) {
	if _, taken := into.Get(name); taken || d.schema.types[name] != "" || d.schema.above[name] || oddKey(name) {
		d.setAside(key, v)
		return
	}
	put(v, into.PutEmpty(name))
}

// placeAbove puts an object in which fields of the schema lie.
func (d *draft) placeAbove(key string, v value, into pcommon.Map) {
	if v.kind == null {
		return
	}
	if v.kind != object || len(v.members) > maxMembers {
		d.misfit(key, key, v)
		return
	}
	fields := pcommon.NewMap()
	for _, m := range v.members {
		whole := key + "." + m.key
		switch kind := d.schema.types[whole]; {
		case oddKey(m.key):
			d.misfit("odd name", whole, m.value)
		case kind != "":
			fitting := pcommon.NewValueEmpty()
			if fit(m.value, kind, fitting, d.source.zone, d.now) {
				fitting.MoveTo(d.slot(m.key, fields))
			} else {
				d.misfit(whole, whole, m.value)
			}
		case d.schema.leafAbove(whole) != "":
			d.setAside(whole, m.value)
		case d.schema.above[whole]:
			inner := pcommon.NewMap()
			d.placeAbove(whole, m.value, inner)
			if nested, ok := inner.Get(whole); ok {
				nested.MoveTo(d.slot(m.key, fields))
			}
		default:
			put(m.value, d.slot(m.key, fields))
		}
	}
	fields.MoveTo(d.slot(key, into).SetEmptyMap())
}

// finish adds what the stack puts on every record, and what was not understood.
func (d *draft) finish(message string) {
	attributes := d.record.Attributes()
	fill := func(key, value string) {
		if there, ok := attributes.Get(key); value != "" && (!ok || there.Type() == pcommon.ValueTypeEmpty || there.Type() == pcommon.ValueTypeStr && there.Str() == "") {
			attributes.PutStr(key, value)
		}
	}
	fill("service", d.service)
	for _, label := range d.labels {
		fill(label.key, label.value)
	}
	for _, label := range d.enrich {
		attributes.PutStr(label.key, label.value)
	}
	attributes.PutStr(logLevel, d.level)
	if len(d.aside) > 0 {
		texts := attributes.PutEmptyMap(unparsed)
		var more strings.Builder
		for i, m := range d.aside {
			if i >= maxMembers { // of a record whose every field is odd
				more.WriteString(m.key + ": " + m.value.said() + "\n")
				continue
			}
			name := m.key
			for _, taken := texts.Get(name); taken; _, taken = texts.Get(name) {
				name += "'"
			}
			texts.PutStr(name, m.value.said())
		}
		if more.Len() > 0 {
			texts.PutStr("… more", more.String())
		}
	}
	switch len(d.problems) {
	case 0:
	case 1:
		attributes.PutStr(parseError, d.problems[0].text)
	default:
		list := attributes.PutEmptySlice(parseError)
		for _, found := range d.problems {
			list.AppendEmpty().SetStr(found.text)
		}
	}
	if d.uid != "" {
		attributes.PutStr(d.config.IDAttribute, d.uid)
	}
	// The line itself has done its work; kept, it would double the queue.
	d.record.Body().SetStr(message)
}
