package logrecord

import (
	"slices"
	"strings"
)

// role is what a key says about the record itself.
type role uint8

const (
	noRole role = iota
	timeRole
	levelRole
	messageRole
	serviceRole
	traceRole
	spanRole
	transactionRole
	roleCount
)

// place is a key's role and how much it counts among keys of that role: the
// lowest rank first.
type place struct {
	role role
	rank int
	// sure keys can mean nothing else: if their value is not understood, that is said.
	sure bool
	// scale of numbers, for levels.
	scale scale
}

// roles are the keys of the usual loggers, in lower case; a dot leads into an object.
var roles = func() map[string]place {
	found := map[string]place{}
	of := func(role role, sure bool, keys ...string) {
		for _, key := range keys {
			rank := 0
			for _, other := range found {
				if other.role == role {
					rank++
				}
			}
			found[key] = place{role: role, rank: rank, sure: sure}
		}
	}
	of(timeRole, true, "timestamp", "@timestamp", "time", "ts", "@t", "asctime", "instant", "record.time", "datetime", "eventtime", "timemillis")
	of(timeRole, false, "date", "t", "created", "logged_at", "log_time", "logtime", "timestamp_ms", "timestampms", "epoch")
	of(levelRole, true, "log_level", "level", "severity", "log.level", "levelname", "loglevel", "@l", "lvl", "severitytext", "severity_text",
		"level_name", "severity_label", "record.level", "severitynumber", "severity_number", "syslog_severity")
	of(levelRole, false, "levelno", "level_value", "l", "priority")
	of(messageRole, true, "message", "msg", "@m", "renderedmessage", "short_message", "record.message", "fields.message")
	of(messageRole, false, "@mt", "messagetemplate", "event", "body", "text", "log", "full_message")
	of(serviceRole, true, "service", "service.name", "service_name", "servicename")
	of(traceRole, true, "trace_id", "traceid", "trace.id", "oteltraceid", "@tr")
	of(spanRole, true, "span_id", "spanid", "span.id", "otelspanid", "@sp")
	of(transactionRole, true, "transaction_id", "transactionid", "transaction.id")
	for key, scale := range map[string]scale{
		"log_level": anyScale, "level": anyScale, "severity": anyScale, "log.level": anyScale, "lvl": anyScale,
		"levelno": pythonScale, "level_value": javaScale, "severitynumber": otelScale, "severity_number": otelScale,
		"syslog_severity": syslogScale,
	} {
		at := found[key]
		at.scale = scale
		found[key] = at
	}
	return found
}()

// within are the objects in which keys with a role may stand.
var within = func() map[string]bool {
	found := map[string]bool{}
	for key := range roles {
		if root, _, nested := strings.Cut(key, "."); nested {
			found[root] = true
		}
	}
	return found
}()

// candidate is a member with a role: members[at], or a member of it.
type candidate struct {
	place
	value value
	at    int
	// inner is the key inside the object members[at], or "".
	inner string
}

// candidates finds what the members say about the record, the best of each role first.
func candidates(members []member) (found [roleCount][]candidate) {
	gelf := false
	for at := range members {
		key := lower(members[at].key)
		if place, ok := roles[key]; ok {
			found[place.role] = append(found[place.role], candidate{place, members[at].value, at, ""})
			gelf = gelf || key == "short_message"
		}
		if within[key] && members[at].value.kind == object {
			for _, inner := range members[at].value.members {
				if place, ok := roles[key+"."+lower(inner.key)]; ok {
					found[place.role] = append(found[place.role], candidate{place, inner.value, at, inner.key})
				}
			}
		}
	}
	for role := range found {
		if len(found[role]) > 1 {
			slices.SortStableFunc(found[role], func(a, b candidate) int { return a.rank - b.rank })
		}
	}
	if gelf {
		for i := range found[levelRole] {
			found[levelRole][i].scale = syslogScale
		}
	}
	return found
}

// lower is cheap where there is nothing to do, as for most keys.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' || c >= 0x80 {
			return strings.ToLower(s)
		}
	}
	return s
}
