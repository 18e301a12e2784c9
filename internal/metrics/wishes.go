package metrics

// wishCollector tells how many people asked for what, and not who.
func wishCollector(s Sources) collector {
	opted := newGauge("opted_out_people", "People who opted out at their own page, or by presenced opt-out. Of them nothing is recorded.")
	resting := newGauge("not_today_people", "People for whom nothing is done at Kadence until the day turns, as they asked.")
	return collector{[]*family{opted, resting}, func(ch out) {
		if s.OptedOut != nil {
			opted.send(ch, float64(s.OptedOut()))
		}
		if s.Resting != nil {
			if n, known := s.Resting(); known {
				resting.send(ch, float64(n))
			}
		}
	}}
}
