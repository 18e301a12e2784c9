package control

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Trouble is something amiss. Page, `status`, `watch`, probes, systemd's status
// line and metrics tell of troubles in these words, and decide nothing
// themselves: [Status.Judge] does.
type Trouble struct {
	Kind   Kind   `json:"kind"`
	Grade  Grade  `json:"grade"`
	About  string `json:"about"`  // "daemon", "client", "desk" or "cluster": the side on which to look
	Of     string `json:"of"`     // which client, site or file; "" if there is but one
	What   string `json:"what"`   // of a trouble that makes the daemon unready: nothing that a stranger may not read
	Cause  string `json:"cause"`  // "" if there is no more to say
	Since  Time   `json:"since"`  // null: it is not known
	Remedy string `json:"remedy"` // "" if there is nothing to do but to wait, or to know it
}

// Grade is how far a trouble reaches.
type Grade string

// The grades, the worst first.
const (
	Down  Grade = "down"  // nothing is recorded and answered
	Late  Grade = "late"  // it is, but so late that it is sent again
	Early Grade = "early" // it is, but whoever can had better send elsewhere: for a moment after a start, or while other daemons do better
	Bad   Grade = "bad"   // somebody is not heard, or not checked in, while it lasts
	Odd   Grade = "odd"   // to be known
)

// Kind is one word for all troubles that are alike.
type Kind string

// The kinds of trouble.
const (
	NotRecording    Kind = "recording"
	StandsStill     Kind = "standstill"
	AnswersLate     Kind = "late_answers"
	ReadsNothing    Kind = "no_socket"
	Recalls         Kind = "recalling"
	WrongSecret     Kind = "wrong_secret"
	NeverHeard      Kind = "never_heard"
	Silent          Kind = "silent"
	SilentNASes     Kind = "silent_nases"
	ShareNear       Kind = "share_near"
	ShareExceeded   Kind = "share_exceeded"
	RunsOut         Kind = "runs_out"
	RanOut          Kind = "ran_out"
	OldCRL          Kind = "old_crl"
	Dropped         Kind = "dropped"
	NoAnswer        Kind = "desk_failing"
	BuildingDoubted Kind = "building_doubted"
	WalkInsStopped  Kind = "walk_ins_stopped"
	NoDesk          Kind = "no_desk"
	DryRun          Kind = "dry_run"
	StoreDoubted    Kind = "store_doubted"
	ConfigRefused   Kind = "config_refused"
	ConfigDiffers   Kind = "config_differs"
	OtherDiffers    Kind = "other_differs"
	OtherUnready    Kind = "other_unready"
	ClockOff        Kind = "clock_off"
	SharersUnknown  Kind = "daemons_unknown"
	SameName        Kind = "same_name"
	MemberDown      Kind = "member_down"
	MemberAlarmed   Kind = "member_alarmed"
	MemberFull      Kind = "member_full"
)

// kinds says what is the same of all troubles of a kind.
var kinds = map[Kind]struct {
	Grade
	about, remedy string
}{
	NotRecording:    {Down, "daemon", "mend that, and it goes on by itself"},
	StandsStill:     {Down, "daemon", "restart presenced, and report this with its log"},
	AnswersLate:     {Late, "client", "the disk or the processor is too slow for what comes"},
	ReadsNothing:    {Early, "daemon", ""},
	Recalls:         {Early, "daemon", ""},
	WrongSecret:     {Bad, "client", "check the shared secret, on the controller and in its [[radius.client]]"},
	NeverHeard:      {Odd, "client", "see that it sends its accounting here, from the address of its [[radius.client]]"},
	Silent:          {Odd, "client", "see that it still sends its accounting here"},
	SilentNASes:     {Odd, "client", "see that they still run, and send interims"},
	ShareNear:       {Odd, "client", ""},
	ShareExceeded:   {Bad, "client", "are names made up? else raise [presence] max_people"},
	RunsOut:         {Odd, "client", "renew it"},
	RanOut:          {Bad, "client", "renew it"},
	OldCRL:          {Odd, "client", "fetch the CA's new one"},
	Dropped:         {Odd, "client", "presenced check says how large the receive buffer is to be"},
	NoAnswer:        {Bad, "desk", "presenced check --online tries the way there"},
	BuildingDoubted: {Bad, "desk", "put the building back, or set the site's building and reload"},
	WalkInsStopped:  {Bad, "desk", "presenced visits has the desk's reasons: mend that, or set the site's walk_ins to never"},
	NoDesk:          {Odd, "desk", ""},
	DryRun:          {Odd, "desk", ""},
	StoreDoubted:    {Odd, "daemon", ""},
	ConfigRefused:   {Odd, "daemon", "mend it, and presenced reload"},
	ConfigDiffers:   {Early, "cluster", "give every daemon the same, and presenced reload"},
	OtherDiffers:    {Odd, "cluster", "give every daemon the same, and presenced reload"},
	OtherUnready:    {Odd, "cluster", "presenced status on its host"},
	ClockOff:        {Early, "cluster", "set it by NTP"},
	SharersUnknown:  {Bad, "cluster", "presenced check --online asks each member of etcd"},
	SameName:        {Bad, "cluster", "give each daemon a [store] name of its own"},
	MemberDown:      {Odd, "cluster", "see that it runs: without a majority of them nobody is answered"},
	MemberAlarmed:   {Bad, "cluster", "docs/cluster.md says what to do"},
	MemberFull:      {Odd, "cluster", "presenced maintain, or raise --quota-backend-bytes"},
}

// Kinds returns every kind of trouble there is, in some order of its own.
func Kinds() []Kind { return slices.Sorted(maps.Keys(kinds)) }

// Unwell reports whether records are not answered in time while it lasts.
func (t *Trouble) Unwell() bool { return t.Grade == Down || t.Grade == Late }

// Unready reports whether whoever can wait had better not send records now.
func (t *Trouble) Unready() bool { return t.Unwell() || t.Grade == Early }

// Barring reports whether the daemon would not start again while it lasts, which is to be
// known before it is restarted.
func (t *Trouble) Barring() bool { return t.Kind == ConfigRefused }

// Text says what is amiss, why, what to do, and for how long it has been.
func (t *Trouble) Text(now time.Time) string {
	text, separator := t.What, ": "
	for _, more := range []string{t.Cause, t.Remedy} {
		if more != "" {
			text, separator = text+separator+more, "; "
		}
	}
	if lasts := now.Sub(t.Since.Time); !t.Since.IsZero() && lasts >= time.Second {
		text += " (for " + Span(lasts) + ")"
	}
	return text
}

const (
	// Hushed is how long a client or NAS may be unheard without a remark.
	Hushed = 10 * time.Minute

	slow       = 5 * time.Second     // records that wait for longer are sent again by a NAS
	standstill = 30 * time.Second    // in which every loop turns several times
	renewal    = 14 * 24 * time.Hour // before a certificate runs out it is told of
)

// Judge works out what is amiss, the worst first, and whether the daemon is
// ready, from all else that s holds. Of a store without a daemon there is
// nothing to judge.
func (s *Status) Judge(now time.Time) {
	s.Troubles = []Trouble{}
	if !s.Running {
		return
	}
	s.judgeSelf(now)
	s.judgeCluster(now)
	s.judgeShares()
	s.judgeDesk()
	s.judgeClients(now)
	s.judgeCertificates(now)
	s.judgeNASes(now)
	grades := []Grade{Down, Late, Early, Bad, Odd}
	slices.SortStableFunc(s.Troubles, func(a, b Trouble) int {
		return cmp.Compare(slices.Index(grades, a.Grade), slices.Index(grades, b.Grade))
	})
	s.Ready = len(s.Troubles) == 0 || s.Troubles[0].Grade != Down
}

func (s *Status) amiss(k Kind, of string, since Time, what, why string) {
	about := kinds[k]
	s.Troubles = append(s.Troubles, Trouble{k, about.Grade, about.about, of, what, why, since, about.remedy})
}

// judgeSelf looks at whether the daemon does what it is there for.
func (s *Status) judgeSelf(now time.Time) {
	if s.Failing != "" {
		s.amiss(NotRecording, "", s.FailingSince, "recording fails, nothing is answered", s.Failing)
	}
	switch {
	case s.Turned.IsZero() && now.Sub(s.Started.Time) < standstill:
		s.amiss(ReadsNothing, "", s.Started, "no socket is read yet", "")
	case now.Sub(s.Turned.Time) >= standstill:
		s.amiss(StandsStill, "", s.Turned, "a loop stands still", "")
	}
	if s.Recalling {
		s.amiss(Recalls, "", s.Started, "what is stored of the NASes is still being read", "")
	}
	if waits := time.Duration(s.Waits); waits > slow {
		s.amiss(AnswersLate, "", Time{}, fmt.Sprintf("records wait %s for their answer, and are sent again", waits.Round(100*time.Millisecond)), "")
	}
	for _, doubt := range s.Store.Doubts {
		s.amiss(StoreDoubted, doubt, Time{}, doubt, "")
	}
	if !s.Refusing.IsZero() {
		s.amiss(ConfigRefused, "", s.Refusing, "the configuration file is no good, and the old one stays in force", s.RefusedFor)
	}
	if s.Drops > 0 {
		s.amiss(Dropped, "", s.Started, "the kernel had no room for "+count(int(s.Drops), "datagram", "datagrams")+" since the start", "")
	}
}

func (s *Status) judgeShares() {
	for _, share := range s.Shares {
		kind, what := ShareNear, fmt.Sprintf("client %s has brought %d %s of the %d that one client may", share.Client, share.Held, share.Of, share.Most)
		if share.Refused > 0 {
			kind, what = ShareExceeded, fmt.Sprintf("%s, and %d more since the start", what, share.Refused)
		}
		s.amiss(kind, share.Client+" "+share.Of, Time{}, what, "")
	}
}

func (s *Status) judgeDesk() {
	switch answered := s.Desk.Success; {
	case s.Desk.Mode == "none":
		s.amiss(NoDesk, "", Time{}, "there is no [kadence] in the configuration", "nothing is checked in or out")
	case s.Desk.Error != "":
		if answered.IsZero() {
			answered = s.Started
		}
		s.amiss(NoAnswer, "", answered, "kadence does not answer", s.Desk.Error)
	case s.Desk.Mode == "dry_run":
		s.amiss(DryRun, "", Time{}, "dry run: bookings are read, but nothing is checked in or out", "")
	}
	for _, site := range s.Sites {
		if site.Doubt != "" {
			s.amiss(BuildingDoubted, site.Name, Time{}, "site "+site.Name, site.Doubt)
		}
		if site.Stopped != "" {
			s.amiss(WalkInsStopped, site.Name, Time{}, "site "+site.Name, site.Stopped)
		}
	}
}

func (s *Status) judgeClients(now time.Time) {
	for i := range s.Clients {
		switch c := &s.Clients[i]; {
		case c.Rate.BadSecrets > 0:
			s.amiss(WrongSecret, c.Name, Time{}, fmt.Sprintf("client %s sends %.2g requests a minute that its shared secret does not fit", c.Name, c.Rate.BadSecrets), "")
		case c.LastHeard.IsZero() && now.Sub(s.Started.Time) < Hushed: // it may yet come
		case c.LastHeard.IsZero():
			s.amiss(NeverHeard, c.Name, s.Started, "client "+c.Name+" has not been heard since the start", "")
		case now.Sub(c.LastHeard.Time) > Hushed && now.Sub(s.Started.Time) > Hushed: // while it did not run nobody could be heard
			s.amiss(Silent, c.Name, c.LastHeard, "client "+c.Name+" is silent", "")
		}
	}
}

func (s *Status) judgeCertificates(now time.Time) {
	for _, c := range s.Certificates {
		whose, left := "presenced's own certificate for TLS", c.Expires.Sub(now)
		switch c.Kind {
		case "ca":
			whose = fmt.Sprintf("the CA %s of client %s", c.Subject, c.Client)
		case "crl":
			whose = fmt.Sprintf("the list of revoked certificates of client %s", c.Client)
		case "client":
			whose = fmt.Sprintf("a certificate that client %s connects with", c.Client)
		}
		of := c.Kind + " " + c.Client + " " + c.Subject
		switch {
		case left <= 0 && c.Kind == "crl":
			s.amiss(OldCRL, of, c.Expires, whose+" was to be replaced", "")
		case left <= 0:
			s.amiss(RanOut, of, c.Expires, whose+" has run out", "nobody gets in by it")
		case left < renewal:
			s.amiss(RunsOut, of, Time{}, whose+" runs out in "+Span(left), "")
		}
	}
}

// judgeNASes needs everybody to have been counted: who has not, sees no NAS
// that is silent.
func (s *Status) judgeNASes(now time.Time) {
	silent, held, last := 0, 0, Time{}
	for name, live := range s.live {
		if heard := s.NASes[name].Heard; live > 0 && now.Sub(heard) > Hushed {
			silent, held = silent+1, held+live
			if last.IsZero() || heard.Before(last.Time) {
				last = Time{heard}
			}
		}
	}
	if silent > 0 {
		s.amiss(SilentNASes, "", last, fmt.Sprintf("%s silent, with %s live", count(silent, "NAS is", "NASes are"), count(held, "session", "sessions")), "")
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
