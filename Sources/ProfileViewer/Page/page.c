#include "CProfileViewerPage.h"

// #embed is C23; clang takes it in older modes with a warning.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "index.html"
};
static const unsigned char style_css[] = {
#embed "style.css"
};
static const unsigned char icon_svg[] = {
#embed "icon.svg"
};
static const unsigned char app_js[] = {
#embed "app.js"
};
static const unsigned char flamegraph_js[] = {
#embed "flamegraph.js"
};
static const unsigned char format_js[] = {
#embed "format.js"
};
static const unsigned char functions_js[] = {
#embed "functions.js"
};
static const unsigned char model_js[] = {
#embed "model.js"
};
static const unsigned char timeline_js[] = {
#embed "timeline.js"
};

static const char html[] = "text/html; charset=utf-8";
static const char css[] = "text/css; charset=utf-8";
static const char svg[] = "image/svg+xml";
static const char javascript[] = "text/javascript; charset=utf-8";

static const struct page_file files[] = {
    {"", html, index_html, sizeof(index_html)},
    {"style.css", css, style_css, sizeof(style_css)},
    {"icon.svg", svg, icon_svg, sizeof(icon_svg)},
    {"app.js", javascript, app_js, sizeof(app_js)},
    {"flamegraph.js", javascript, flamegraph_js, sizeof(flamegraph_js)},
    {"format.js", javascript, format_js, sizeof(format_js)},
    {"functions.js", javascript, functions_js, sizeof(functions_js)},
    {"model.js", javascript, model_js, sizeof(model_js)},
    {"timeline.js", javascript, timeline_js, sizeof(timeline_js)},
    {0, 0, 0, 0},
};

const struct page_file *profile_viewer_page_files(void) { return files; }
