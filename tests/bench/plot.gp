# SPDX-License-Identifier: MIT
# What a read costs against the size of its batch, as an SVG picture. Called by run.sh with csv, unit
# and svg set.
set terminal svg size 800,500 font 'sans-serif,14' background 'white' dynamic
set output svg
set datafile separator ','
set title 'A read, by how many of them share a doorbell' font ',17'
set xlabel 'requests in the batch'
set ylabel unit.' per request'
set logscale x 2
set xrange [0.9:290]
set yrange [0:*]
set border 3 lc rgb '#555555'
set tics nomirror out
set grid ytics lt 1 lw 0.7 lc rgb '#dddddd'
set key top right reverse Left samplen 3 spacing 1.3
set style line 1 lc rgb '#a33b20' lw 2 pt 7 ps 0.7
set style line 2 lc rgb '#1f5a8c' lw 2 pt 5 ps 0.7
set style line 3 lc rgb '#a33b20' lw 2 pt 6 ps 1.0 dt 2
set style line 4 lc rgb '#1f5a8c' lw 2 pt 2 ps 0.7 dt 3
of(bytes, value) = strcol(1) eq 'read' && column(3) == bytes ? column(value) : NaN
plot csv using 2:(of(4096, 5)) with linespoints ls 1 title '4 KiB', \
	csv using 2:(of(512, 5)) with linespoints ls 2 title '512 bytes', \
	csv using 2:(of(4096, 7)) with linespoints ls 3 title '4 KiB, without its copy', \
	csv using 2:(of(512, 7)) with linespoints ls 4 title '512 bytes, without its copy'
