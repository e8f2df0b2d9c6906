#!/bin/sh
# Prints for each hour of the day the mean and the standard deviation of all readings below a region's folder: hour,mean,deviation.
set -eu
cat "$1"/*.csv | awk -F, '
	{ n[$1]++; sum[$1] += $2; squares[$1] += $2 * $2 }
	END {
		for (hour = 0; hour < 24; hour++) if (n[hour] > 0) {
			mean = sum[hour] / n[hour]
			variance = squares[hour] / n[hour] - mean * mean
			printf "%d,%.3f,%.3f\n", hour, mean, sqrt(variance > 0 ? variance : 0)
		}
	}'
