package presence

import "time"

// Person1, Session1 and Device1 are the stored form of a person in the first version,
// which kept the conclusions about each session instead of facts.
type (
	Person1 struct {
		Sessions []Session1
		Devices  []Device1
	}
	Session1 struct {
		ID, Multi, Device, Site, SSID, NAS, AP, BSSID string
		State                                         SessionState
		Began, Seen, Steady, Heard, Ended, Hold       time.Time
		Exact                                         bool
		Age, Interim                                  time.Duration
		Cause                                         Cause
	}
	Device1 struct {
		ID, Site    string
		Began, Last time.Time
		Closed      bool
	}
)

// Take gives p the facts from which the conclusions of the first version follow. An
// interval that it had learned becomes signs that lie so far apart.
func (old *Person1) Take(p *Person) {
	for i := range old.Sessions {
		s := &old.Sessions[i]
		f := Facts{ID: s.ID, Device: s.Device, Place: Place{Site: s.Site, SSID: s.SSID, NAS: NASName(s.NAS), AP: s.AP, BSSID: s.BSSID, Multi: s.Multi, At: s.Seen}}
		at := func(t time.Time) Mark {
			return Mark{Status: Interim, At: t, Heard: earlier(s.Heard, t), Age: -1, Whose: Mine, Site: s.Site, NAS: hash32(s.NAS)}
		}
		if s.AP != "" || s.BSSID != "" {
			ap := s.BSSID
			if ap == "" {
				ap = s.AP
			}
			seen := at
			at = func(t time.Time) Mark { m := seen(t); m.AP = hash32(ap); return m }
		}
		lone := !s.Exact && s.State == Ended && s.Seen.Equal(s.Ended) && s.Cause < Superseded && s.Steady.IsZero()
		if !lone {
			began := at(s.Began)
			if s.Exact {
				began.Status = Start
			}
			f.join(began)
			for n := signsKept - 1; n > 0 && s.Interim > 0; n-- {
				if t := s.Seen.Add(-time.Duration(n) * s.Interim); t.After(s.Began) {
					f.join(at(t))
				}
			}
			if s.Seen.After(s.Began) || !s.Exact {
				last := at(s.Seen)
				if last.Heard = s.Heard; s.Age > 0 && s.State == Open {
					last.Age = s.Age
				}
				f.join(last)
			} else {
				f.Marks[0].Heard = s.Heard
			}
		}
		if s.State != Open {
			end := Mark{Status: Other, At: s.Ended, Heard: s.Heard, Age: -1, Cause: s.Cause, NAS: hash32(s.NAS)}
			since := s.Hold.Add(-DefaultRules().OutageHold) // it is held from here, if it is
			switch {
			case s.Cause < Superseded:
				if end.Status, end.Site, end.Whose = Stop, s.Site, Mine; s.Age > 0 {
					end.Age = s.Age
				}
			case s.Cause == NASReset && !s.Hold.IsZero():
				end.Heard = since
			}
			f.join(end)
			if s.State == Suspect && !s.Hold.IsZero() {
				held := Mark{Status: Other, At: s.Ended, Heard: since, Age: -1, NAS: hash32(s.NAS)}
				switch {
				case s.Cause == NASSilent:
					held.At, held.Cause = later(since, s.Ended), NASBack
					f.join(held)
				case s.Cause < Superseded:
					held.Cause = MassEnd
					f.join(held)
				}
			}
		}
		p.Facts = append(p.Facts, f)
	}
	for _, d := range old.Devices {
		if d.Closed {
			p.floor(d.Site, d.Last)
		}
		last, shown := d.Last, false // the end of the part that no remembered session shows
		for i := range old.Sessions {
			if s := &old.Sessions[i]; s.Device == d.ID && s.Site == d.Site && !s.Began.After(last) {
				last, shown = s.Began, true
			}
		}
		if !shown || last.After(d.Began) {
			p.Devices = append(p.Devices, Device{ID: d.ID, Site: d.Site, Began: d.Began, Last: last})
		}
	}
}
