. "$(dirname "$0")/common.sh"
ready
while goes_on; do
    ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine -t 8 \
        -c:v libx264 -preset medium -c:a aac -y out.mp4 >>log 2>&1
done
