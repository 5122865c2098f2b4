package figures

import (
	"encoding/json"
	"fmt"
	"io"
)

type reportJSON struct {
	FormatVersion string    `json:"format_version"`
	Machine       string    `json:"machine"`
	Cores         int       `json:"cores"`
	Commit        string    `json:"commit"`
	Routes        int       `json:"routes"`
	Rounds        int       `json:"rounds"`
	Notes         []string  `json:"notes"`
	Rows          []rowJSON `json:"rows"`
}

type rowJSON struct {
	Name   string       `json:"name"`
	What   string       `json:"what"`
	Unit   Unit         `json:"unit"`
	Series []seriesJSON `json:"series"`
	Aims   []aimJSON    `json:"aims"`
	Notes  []string     `json:"notes"`
	Faults []string     `json:"faults"`
}

type seriesJSON struct {
	System  string    `json:"system"`
	Samples []float64 `json:"samples"`
	Median  float64   `json:"median"`
	Worst   float64   `json:"worst"`
}

type aimJSON struct {
	Of       string   `json:"of"`
	Worst    bool     `json:"worst,omitempty"`
	Against  string   `json:"against,omitempty"`
	Most     float64  `json:"most"`
	Measured *float64 `json:"measured"` // null: not measured
	Met      *bool    `json:"met"`
}

// JSON is the report for programs, with every sample.
func (r *Report) JSON(out io.Writer) error {
	shown := reportJSON{
		FormatVersion: FormatVersion, Machine: r.Machine, Cores: r.Cores, Commit: r.Commit, Routes: r.Routes, Rounds: r.Rounds,
		Notes: some(r.Notes), Rows: []rowJSON{},
	}
	for _, row := range r.Rows {
		shown.Rows = append(shown.Rows, row.json())
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(shown); err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}

func (r *Row) json() rowJSON {
	shown := rowJSON{
		Name: r.Name, What: r.What, Unit: r.Unit, Series: []seriesJSON{}, Aims: []aimJSON{},
		Notes: some(r.Notes), Faults: some(r.Faults),
	}
	for _, s := range r.Series { // none is without a sample
		shown.Series = append(shown.Series, seriesJSON{s.System, s.Samples, s.Median(), s.Worst()})
	}
	for _, a := range r.Aims {
		aim := aimJSON{Of: a.Of, Worst: a.Worst, Against: a.Against, Most: a.Most}
		if v := r.Judge(a); v.Known {
			aim.Measured, aim.Met = &v.Got, &v.Met
		}
		shown.Aims = append(shown.Aims, aim)
	}
	return shown
}

// some is a list that is [] in JSON where it is empty.
func some(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}
