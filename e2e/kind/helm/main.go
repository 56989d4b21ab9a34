// Command helm-template renders a chart as `helm template` does, with Helm's own engine: a third of what compiling all of Helm takes.
//
//	helm-template CHART NAMESPACE [KEY=VALUE...]
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/strvals"
)

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: helm-template CHART NAMESPACE [KEY=VALUE...]"))
	}
	rendered, err := render(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fail(err)
	}
	fmt.Print(rendered)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func render(path, namespace string, settings []string) (string, error) {
	chart, err := loader.Load(path)
	if err != nil {
		return "", err
	}
	values := map[string]interface{}{}
	for _, setting := range settings {
		if err := strvals.ParseInto(setting, values); err != nil {
			return "", err
		}
	}
	release := chartutil.ReleaseOptions{Name: "zabkeeper", Namespace: namespace, Revision: 1, IsInstall: true}
	// Checks the values against values.schema.json, too.
	all, err := chartutil.ToRenderValues(chart, values, release, chartutil.DefaultCapabilities)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return "", err
	}
	var names []string
	for name := range files {
		if strings.HasSuffix(name, ".yaml") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out strings.Builder
	for _, name := range names {
		fmt.Fprintf(&out, "---\n# Source: %s\n%s\n", name, files[name])
	}
	return out.String(), nil
}
