package metrics

import (
	"time"

	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/presence"
)

// kadenceCollector tells of the booking side; of Kadence nothing where there
// is no [kadence].
func kadenceCollector(s Sources) collector {
	dry := newGauge("dry_run", "Whether nothing is checked in or out, but shown only.")
	failures := newGauge("kadence_failures", "Failures in a row; 0 after an answer.")
	answered := newGauge("kadence_last_success_timestamp_seconds", "When Kadence last answered, a refusal included; absent if it has not since the start.")
	rests := newGauge("kadence_resting", "Whether no call but a probe is made now, after failures or because Kadence said so.")
	calls := newCounter("kadence_calls", "Calls by operation and result: a status, or \"error\" if there was no answer.", "operation", "result")
	took := newHistogram("kadence_call_seconds", "How long the calls took.", "operation", "result")
	limit := newGauge("kadence_rate_limit", "Calls that Kadence allows at a time, as it last told; absent until it does.")
	remaining := newGauge("kadence_rate_remaining", "Calls that remain of that, as Kadence last told; absent until it does.")
	token := newGauge("kadence_token_expiry_timestamp_seconds", "When the token expires; absent while there is none.")
	refused := newGauge("kadence_credentials_refused", "Whether Kadence refuses our credentials.")
	skipped := newCounter("kadence_skipped_bookings", "Bookings in answers that could not be read.")
	doubted := newGauge("kadence_building_doubted", "Whether Kadence may not have the site's building any longer; it goes on as it was known.", "site")
	walkIns := newCounter("walk_ins", `Passes asked for, for who came without a booking: "booked", "refused", "unclear" whether one was booked, "dry_run".`, "site", "result")
	today := newGauge("walk_ins_today", "Passes asked for in the site's day.", "site")
	stopped := newGauge("walk_ins_stopped", "Whether no more passes are asked for today, because most were refused.", "site")
	lost := newCounter("released_though_here", "Bookings that were released, for want of a check-in, although their users were at the site.", "site")
	others := newCounter("checked_in_by_others", "Bookings of people at the site that were found to be checked in, and not by presenced.", "site")
	const results = `"done", "dry_run", "refused" for now, "uncertified" if that may be for want of a self-certification, "denied" for good, "changed" meanwhile, "failed" without an answer.`
	ins := newCounter("check_ins", "Bookings that a check-in was tried on, each once for each result: "+results, "site", "result")
	outs := newCounter("check_outs", "Bookings that a check-out was tried on, as check_ins.", "site", "result")
	all := []*family{ins, outs, walkIns, today, stopped, lost, others, dry, failures, answered, rests, calls, took, limit, remaining, token, refused, skipped, doubted}
	return collector{all, func(ch out) {
		configured := s.Configured()
		dry.sendYes(ch, configured.DryRun)
		if configured.Desk == nil {
			return
		}
		for site, n := range s.Courier.WalkIns() {
			for result, count := range map[string]uint64{"booked": n.Booked, "refused": n.Refused, "unclear": n.Unclear, "dry_run": n.DryRun} {
				walkIns.send(ch, float64(count), site, result)
			}
			today.send(ch, float64(n.Today), site)
			stopped.sendYes(ch, n.Stopped != "", site)
		}
		for site, n := range s.Courier.Lost() {
			lost.send(ch, float64(n), site)
		}
		for site, called := range s.Courier.Called() {
			for f, counts := range map[*family]map[presence.CallResult]uint64{ins: called.In, outs: called.Out} {
				for result, n := range counts {
					f.send(ch, float64(n), site, string(result))
				}
			}
		}
		for site, n := range s.Courier.ByOthers() {
			others.send(ch, float64(n), site)
		}
		health, stats, now := s.Courier.Health(), configured.Desk.Stats(), time.Now()
		failures.send(ch, float64(health.Failures))
		answered.sendTime(ch, stats.Success)
		rests.sendYes(ch, health.Rests.After(now) || stats.Throttled.After(now))
		for _, c := range stats.Calls {
			calls.send(ch, float64(c.Count), c.Route, c.Result)
			within := map[float64]uint64{}
			for i, most := range kadence.CallTimes {
				within[most.Seconds()] = uint64(c.Within[i])
			}
			took.sendHistogram(ch, uint64(c.Count), c.Time.Seconds(), within, c.Route, c.Result)
		}
		if stats.Limit != nil {
			limit.send(ch, float64(*stats.Limit))
		}
		if stats.Remaining != nil {
			remaining.send(ch, float64(*stats.Remaining))
		}
		token.sendTime(ch, stats.Token)
		refused.sendYes(ch, stats.Refused != "")
		skipped.send(ch, float64(stats.Skipped))
		for _, site := range configured.Sites {
			doubted.sendYes(ch, configured.Desk.Doubt(site) != "", site)
		}
	}}
}
