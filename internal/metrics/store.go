package metrics

// storeCollector tells of the file and its journals, or of what etcd holds.
func storeCollector(s Store) collector {
	size := newGauge("store_size_bytes", "Size of the file and its journals; in etcd, of the largest member's file.")
	free := newGauge("store_free_pages", "Pages of the file that will be used again.")
	people := newGauge("store_people", "People who are remembered, here or not.")
	readers := newGauge("store_readers", "Reads under way; one that stays makes the file grow.")
	return collector{[]*family{size, free, people, readers}, func(ch out) {
		stats := s.Stats()
		size.send(ch, float64(stats.Size))
		free.send(ch, float64(stats.FreePages))
		people.send(ch, float64(stats.People))
		readers.send(ch, float64(stats.Readers))
	}}
}
