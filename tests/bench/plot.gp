# SPDX-License-Identifier: MIT
# What a read costs against the size of its batch, as an SVG picture. Called by run.sh with csv, unit
# and svg set. docs/bench.svg is a copy of what this makes of counts in Bochs.
set terminal svg size 800,480 font 'sans-serif,14' background 'white' dynamic
set output svg
set datafile separator ','
set title 'A read, by how many of them share one doorbell' font ',17'
set xlabel 'requests in the batch'
set ylabel unit.' per request'
set logscale x 2
set xrange [0.9:290]
set xtics (1, 2, 4, 8, 16, 32, 64, 128, 256)
set yrange [0:*]
set border 3 lc rgb '#555555'
set tics nomirror out
set grid ytics lt 1 lw 0.7 lc rgb '#dddddd'
unset key
set rmargin 31
set style line 1 lc rgb '#a33b20' lw 2 pt 7 ps 0.7
set style line 2 lc rgb '#1f5a8c' lw 2 pt 5 ps 0.7
set style line 3 lc rgb '#555555' lw 2 pt 6 ps 0.8 dt 2
set style line 4 lc rgb '#2e7d4f' lw 2 pt 4 ps 0.8 dt 2
set style line 5 lc rgb '#8a5aa8' lw 2 pt 8 ps 0.8 dt 2
of(name, bytes, value) = strcol(1) eq name && column(3) == bytes ? column(value) : NaN
# Each line's name stands behind its last point.
last(name, bytes, value) = column(2) == 256 ? of(name, bytes, value) : NaN
# The rest is the same for both sizes: the copy is what they differ by.
plot csv using 2:(of('read', 4096, 5)) with linespoints ls 1, \
	csv using 2:(of('read', 512, 5)) with linespoints ls 2, \
	csv using 2:(of('read', 512, 7)) with linespoints ls 3, \
	csv using 2:(of('split read', 512, 7)) with linespoints ls 4, \
	csv using 2:(of('packed read', 512, 7)) with linespoints ls 5, \
	csv using 2:(last('read', 4096, 5)):('svirtb, 4 KiB') with labels left offset 1.5,0 tc rgb '#a33b20', \
	csv using 2:(last('read', 512, 5)):('svirtb, 512 bytes') with labels left offset 1.5,0.4 tc rgb '#1f5a8c', \
	csv using 2:(last('read', 512, 7)):('svirtb, without copy') with labels left offset 1.5,0 tc rgb '#555555', \
	csv using 2:(last('split read', 512, 7)):('virtio, split, without copy') with labels left offset 1.5,0.5 tc rgb '#2e7d4f', \
	csv using 2:(last('packed read', 512, 7)):('virtio, packed, without copy') with labels left offset 1.5,1.5 tc rgb '#8a5aa8'
