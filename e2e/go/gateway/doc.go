// Package gateway pins the release of the Gateway API whose definitions suites install.
package gateway
