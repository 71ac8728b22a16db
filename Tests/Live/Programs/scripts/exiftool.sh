# What is said in many kinds of files, asked again and again.
echo ready
while :; do exiftool -q -r -fast /usr/share/perl/ /usr/share/doc/ /usr/bin >/dev/null 2>&1; done
