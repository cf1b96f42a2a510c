// SPDX-License-Identifier: GPL-2.0-or-later
//
// A VNC client's thread; see vnc_client.h. The protocol is libvncserver's work.
#include "ui/vnc_client.h"

#include <algorithm>
#include <cstring>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rfb/rfb.h>
extern "C" {
#include <rfb/rfbregion.h>
}

#include "ui/key_codes.h"

namespace qr {

namespace {

constexpr std::chrono::milliseconds kLookInterval{33};
constexpr std::chrono::milliseconds kFirstPicture{3000};
constexpr std::chrono::milliseconds kAnswer{100};  // that a look takes at most, with a machine that isn't stuck
constexpr std::chrono::milliseconds kIdle{500};
constexpr size_t kMostUpdates = 16;
constexpr size_t kMostKeys = 1000;
constexpr unsigned kFirstWidth = 640, kFirstHeight = 480;  // if the machine is too busy to show anything

constexpr int32_t kPointerEncoding = -257, kKeyEncoding = -258;
constexpr uint8_t kQemuMessage = 255, kExtendedKey = 0;
constexpr int kRelativeCentre = 0x7fff;

VncClient& of(rfbClientPtr client) { return *static_cast<VncClient*>(client->screen->screenData); }

uint32_t be32(const uint8_t* p) { return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3]; }
void put16(char* to, uint16_t v) {
    to[0] = static_cast<char>(v >> 8);
    to[1] = static_cast<char>(v);
}

// QEMU's additions to the protocol, as libvncserver takes additions.
rfbBool extension_new_client(rfbClientPtr, void**) { return TRUE; }

rfbBool extension_encoding(rfbClientPtr client, void**, int encoding) {
    if (encoding == kPointerEncoding) of(client).use_relative_pointer();
    if (encoding == kKeyEncoding) of(client).announce_key_codes();
    return encoding == kPointerEncoding || encoding == kKeyEncoding;
}

rfbBool extension_message(rfbClientPtr client, void*, const rfbClientToServerMsg* message) {
    if (message->type != kQemuMessage) return FALSE;
    uint8_t rest[11];  // kind, is it down (2 bytes), symbol, scan code
    if (rfbReadExact(client, reinterpret_cast<char*>(rest), 1) <= 0 || rest[0] != kExtendedKey) return FALSE;
    if (rfbReadExact(client, reinterpret_cast<char*>(rest + 1), 10) <= 0) return FALSE;
    const uint32_t code = be32(rest + 7);
    if (code)
        of(client).key_code(code, rest[1] || rest[2]);
    else
        of(client).key_symbol(be32(rest + 3), rest[1] || rest[2]);
    return TRUE;
}

// libvncserver keeps extensions for the whole process.
void prepare_library() {
    static std::once_flag once;
    std::call_once(once, [] {
        static int encodings[] = {kPointerEncoding, kKeyEncoding, 0};
        static rfbProtocolExtension extension{};
        extension.newClient = extension_new_client;
        extension.pseudoEncodings = encodings;
        extension.enablePseudoEncoding = extension_encoding;
        extension.handleMessage = extension_message;
        rfbRegisterProtocolExtension(&extension);
        rfbLogEnable(0);
    });
}

// The picture's own format: 0x00RRGGBB.
void set_format(rfbScreenInfoPtr screen) {
    screen->serverFormat.depth = 24;
    screen->serverFormat.redShift = 16;
    screen->serverFormat.greenShift = 8;
    screen->serverFormat.blueShift = 0;
}

}  // namespace

VncClient::VncClient(const Host& host, int socket)
    : host_(host), socket_(socket), control_(dup(socket)), event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    thread_ = std::thread([this] { run(); });
}

VncClient::~VncClient() {
    end();
    thread_.join();
    ::close(control_);
    ::close(event_);
}

void VncClient::end() {
    ending_.store(true);
    shutdown(control_, SHUT_RDWR);
    wake();
}

void VncClient::wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(event_, &one, sizeof one);
}

void VncClient::updated(std::shared_ptr<const PictureUpdate> update) {
    {
        std::lock_guard lock(mutex_);
        if (updates_.size() < kMostUpdates) {
            updates_.push_back(std::move(update));
        } else {
            updates_.clear();
            lost_ = true;
        }
    }
    wake();
}

void VncClient::pointer_changed() {
    {
        std::lock_guard lock(mutex_);
        pointer_changed_ = true;
    }
    wake();
}

// ---- the thread ----

void VncClient::run() {
    pthread_setname_np(pthread_self(), "vnc");
    host_.console.add(*this);
    if (open()) {
        while (client_ && !ending_.load()) {
            wait();
            take_updates();
            check_sharing();
            if (client_) rfbProcessEvents(screen_, 0);
            if (client_ && client_->state == _rfbClientRec::RFB_NORMAL && !initialized_.exchange(true)) host_.changed();
            send_keys();
            if (wants_picture() && Clock::now() >= next_look_) look();
        }
    }
    host_.console.remove(*this);
    close();
    finished_.store(true);
    host_.changed();
}

bool VncClient::open() {
    prepare_library();
    // A client is told the picture's size when it comes.
    host_.console.look(true);
    const auto until = Clock::now() + kFirstPicture;
    while (width_ == 0 && Clock::now() < until && !ending_.load()) {
        pollfd event{event_, POLLIN, 0};
        poll(&event, 1, static_cast<int>(kLookInterval.count()));
        take_updates();
        host_.console.look(true);
    }
    if (ending_.load()) return false;
    if (width_ == 0) {
        width_ = kFirstWidth;
        height_ = kFirstHeight;
        frame_.assign(size_t{width_} * height_, 0);
    }
    screen_ = rfbGetScreen(nullptr, nullptr, static_cast<int>(width_), static_cast<int>(height_), 8, 3, 4);
    if (!screen_) return false;
    set_format(screen_);
    screen_->frameBuffer = reinterpret_cast<char*>(frame_.data());
    screen_->screenData = this;
    screen_->desktopName = host_.title.c_str();
    screen_->port = screen_->ipv6port = 0;  // listening is done elsewhere
    screen_->alwaysShared = TRUE;           // and so is sharing
    screen_->deferUpdateTime = screen_->deferPtrUpdateTime = 0;
    screen_->cursor = nullptr;
    screen_->kbdAddEvent = [](rfbBool down, rfbKeySym symbol, rfbClientPtr client) {
        of(client).key_symbol(symbol, down);
    };
    screen_->ptrAddEvent = [](int mask, int x, int y, rfbClientPtr client) {
        of(client).pointer(x, y, static_cast<unsigned>(mask));
    };
    screen_->getKeyboardLedStateHook = [](rfbScreenInfoPtr screen) {
        return static_cast<int>(static_cast<VncClient*>(screen->screenData)->host_.console.leds());
    };
    // The guest draws its pointer itself: the client keeps its own. JPEG is for who said lossy=on.
    screen_->displayHook = [](rfbClientPtr client) {
        client->enableCursorShapeUpdates = client->enableCursorPosUpdates = FALSE;
        if (!of(client).host_.options.lossy) client->tightQualityLevel = client->turboQualityLevel = -1;
    };
    if (host_.options.password) {
        screen_->authPasswdData = this;
        screen_->passwordCheck = [](rfbClientPtr client, const char* response, int length) -> rfbBool {
            return of(client).check_password(reinterpret_cast<const uint8_t*>(response), length);
        };
    }
    rfbInitServer(screen_);
    client_ = rfbNewClient(screen_, std::exchange(socket_, -1));
    if (!client_) return false;
    client_->clientGoneHook = [](rfbClientPtr client) { of(client).gone(); };
    return true;
}

void VncClient::close() {
    // What was typed before it left is typed; what is held is let go.
    while (!keys_.empty() && !ending_.load()) {
        std::this_thread::sleep_until(next_key_);
        send_keys();
    }
    for (const auto& [key, down] : keys_) host_.console.key(key, down);
    for (const Key key : pressed_) host_.console.key(key, false);
    if (last_mask_) pointer(last_x_, last_y_, 0);
    if (screen_) {
        if (client_) rfbShutdownServer(screen_, TRUE);
        screen_->frameBuffer = nullptr;
        rfbScreenCleanup(screen_);
    }
    if (socket_ >= 0) ::close(socket_);
    frame_ = {};
}

void VncClient::wait() {
    auto until = Clock::now() + kIdle;
    if (wants_picture()) until = std::min(until, next_look_);
    if (!keys_.empty()) until = std::min(until, next_key_);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd fds[] = {{client_->sock, POLLIN, 0}, {event_, POLLIN, 0}};
    poll(fds, 2, static_cast<int>(std::max<int64_t>(left, 0)));
    // Who asks after a pause isn't given what was seen before it.
    if (!fds[0].revents || client_->state != _rfbClientRec::RFB_NORMAL || Clock::now() < next_look_) return;
    look();
    const auto patience = Clock::now() + kAnswer;
    while (looking_ && Clock::now() < patience && !ending_.load()) {
        poll(&fds[1], 1, static_cast<int>(kAnswer.count()));
        take_updates();
    }
}

void VncClient::look() {
    next_look_ = Clock::now() + kLookInterval;
    looking_ = true;
    host_.console.look(std::exchange(whole_, false));
}

// It has asked for a picture, and has none on its way.
bool VncClient::wants_picture() const {
    return client_ && client_->state == _rfbClientRec::RFB_NORMAL && !sraRgnEmpty(client_->requestedRegion);
}

void VncClient::take_updates() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(event_, &count, sizeof count);
    std::deque<std::shared_ptr<const PictureUpdate>> updates;
    bool pointer = false;
    {
        std::lock_guard lock(mutex_);
        updates.swap(updates_);
        if (std::exchange(lost_, false)) whole_ = true;
        pointer = std::exchange(pointer_changed_, false);
    }
    if (!updates.empty()) looking_ = false;
    for (const auto& update : updates) apply(*update);
    if (pointer && relative_) use_relative_pointer();
}

void VncClient::apply(const PictureUpdate& update) {
    if (update.width != width_ || update.height != height_) {
        // What isn't whole belongs to a picture that this client has never had.
        const Rect whole{0, 0, update.width, update.height};
        if (std::ranges::find(update.parts, whole) == update.parts.end()) {
            whole_ = true;
            return;
        }
        std::vector<uint32_t> frame(size_t{update.width} * update.height);
        update.apply_to(frame.data(), update.width);
        frame_.swap(frame);
        width_ = update.width;
        height_ = update.height;
        if (!screen_) return;
        rfbNewFramebuffer(screen_, reinterpret_cast<char*>(frame_.data()), static_cast<int>(width_),
                          static_cast<int>(height_), 8, 3, 4);
        set_format(screen_);
        if (client_) screen_->setTranslateFunction(client_);
        last_x_ = last_y_ = -1;
        return;
    }
    update.apply_to(frame_.data(), width_);
    if (!screen_) return;
    for (const Rect& part : update.parts) {
        rfbMarkRectAsModified(screen_, static_cast<int>(part.x), static_cast<int>(part.y),
                              static_cast<int>(part.x + part.width), static_cast<int>(part.y + part.height));
    }
}

// The client's first message after it was let in says whether it wants to be alone.
void VncClient::check_sharing() {
    if (sharing_checked_ || !client_ || client_->state != _rfbClientRec::RFB_INITIALISATION || client_->wsctx) return;
    uint8_t shared = 1;
    if (recv(client_->sock, &shared, 1, MSG_PEEK | MSG_DONTWAIT) != 1) return;
    sharing_checked_ = true;
    if (shared || host_.options.sharing == VncSharing::kIgnore) return;
    if (host_.options.sharing == VncSharing::kForceShared)
        end();
    else
        host_.alone(this);
}

bool VncClient::check_password(const uint8_t* response, int length) const {
    std::string password = host_.password();
    uint8_t expected[CHALLENGESIZE];
    if (password.empty() || length != CHALLENGESIZE) return false;
    std::memcpy(expected, client_->authChallenge, CHALLENGESIZE);
    rfbEncryptBytes(expected, password.data());
    return std::memcmp(expected, response, CHALLENGESIZE) == 0;
}

// ---- keys ----

void VncClient::key_symbol(uint32_t symbol, bool down) {
    const auto place = host_.keymap->find(symbol);
    if (!place) return;
    const bool shifted = pressed_.contains(Key::kShift) || pressed_.contains(Key::kShiftR);
    bool wanted = place->shift;
    if (place->letter && host_.console.leds() & 4) wanted = !wanted;
    if (!down || !place->shiftable || wanted == shifted) return queue_key(place->key, down);
    // The client's keyboard has the symbol elsewhere: hold shift as the guest's keyboard needs it.
    const Key shift = pressed_.contains(Key::kShiftR) ? Key::kShiftR : Key::kShift;
    queue_key(shift, wanted);
    queue_key(place->key, true);
    queue_key(shift, !wanted);
}

void VncClient::key_code(uint32_t code, bool down) {
    if (const Key key = key_of_scan_code(code); key != Key::kNone) queue_key(key, down);
}

void VncClient::queue_key(Key key, bool down) {
    if (!down && !pressed_.contains(key)) return;
    if (down && keys_.size() >= kMostKeys) return;
    if (down)
        pressed_.insert(key);
    else
        pressed_.erase(key);
    keys_.emplace_back(key, down);
}

// One at a time: a keyboard's buffer is small.
void VncClient::send_keys() {
    while (!keys_.empty() && Clock::now() >= next_key_) {
        host_.console.key(keys_.front().first, keys_.front().second);
        keys_.pop_front();
        next_key_ = Clock::now() + std::chrono::milliseconds(host_.options.key_delay_ms);
    }
}

// ---- the pointer ----

void VncClient::pointer(int x, int y, unsigned mask) {
    uint32_t buttons = 0;
    if (mask & 1) buttons |= MouseInput::kLeft;
    if (mask & 2) buttons |= MouseInput::kMiddle;
    if (mask & 4) buttons |= MouseInput::kRight;
    const unsigned pressed = mask & ~last_mask_;
    const int wheel = (pressed & 16 ? 1 : 0) - (pressed & 8 ? 1 : 0);
    int dx = 0, dy = 0;
    if (relative_ && !host_.console.absolute()) {
        dx = x - kRelativeCentre;
        dy = y - kRelativeCentre;
    } else if (last_x_ >= 0) {
        dx = x - last_x_;
        dy = y - last_y_;
    }
    last_x_ = x;
    last_y_ = y;
    last_mask_ = mask;
    if (host_.console.absolute())
        host_.console.point(x, y, width_, height_, wheel, buttons);
    else
        host_.console.move(dx, dy, wheel, buttons);
}

void VncClient::use_relative_pointer() {
    relative_ = true;
    send_pseudo_rectangle(kPointerEncoding, host_.console.absolute());
}

void VncClient::announce_key_codes() { send_pseudo_rectangle(kKeyEncoding, 0); }

// A framebuffer update that has no pixels.
void VncClient::send_pseudo_rectangle(int32_t encoding, uint16_t x) {
    char message[16] = {};
    put16(message + 2, 1);
    put16(message + 4, x);
    put16(message + 8, static_cast<uint16_t>(width_));
    put16(message + 10, static_cast<uint16_t>(height_));
    put16(message + 12, static_cast<uint16_t>(static_cast<uint32_t>(encoding) >> 16));
    put16(message + 14, static_cast<uint16_t>(encoding));
    if (client_) rfbWriteExact(client_, message, sizeof message);
}

}  // namespace qr
