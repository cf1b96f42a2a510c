// SPDX-License-Identifier: GPL-2.0-or-later
//
// A window by SDL 2; see sdl_window.h.
#include "ui/sdl_window.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include <SDL.h>
#include <fmt/format.h>
#include <pthread.h>

#include "ui/key_codes.h"

namespace qr {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLookInterval{33};
constexpr unsigned kFirstWidth = 720, kFirstHeight = 400;

uint32_t button_of(uint8_t button) {
    switch (button) {
        case SDL_BUTTON_LEFT: return MouseInput::kLeft;
        case SDL_BUTTON_MIDDLE: return MouseInput::kMiddle;
        case SDL_BUTTON_RIGHT: return MouseInput::kRight;
        case SDL_BUTTON_X1: return MouseInput::kSide;
        case SDL_BUTTON_X2: return MouseInput::kExtra;
        default: return 0;
    }
}

class Window final : public SdlWindow, public DisplayListener {
  public:
    Window(Console& console, const Settings& settings, std::function<void()> quit)
        : console_(console), settings_(settings), quit_(std::move(quit)) {}
    ~Window() override {
        ending_.store(true);
        if (thread_.joinable()) thread_.join();
    }

    Result<void> start() {
        std::promise<std::string> started;
        auto failure = started.get_future();
        thread_ = std::thread([this, &started] { run(started); });
        if (const std::string why = failure.get(); !why.empty()) return Error{why};
        return {};
    }

    // ---- DisplayListener ----
    void updated(std::shared_ptr<const PictureUpdate> update) override {
        std::lock_guard lock(mutex_);
        updates_.push_back(std::move(update));
    }
    void pointer_changed() override {}

  private:
    void run(std::promise<std::string>& started) {
        pthread_setname_np(pthread_self(), "sdl");
        SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
        SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
        const std::string failure = open_window();
        started.set_value(failure);  // `started` is gone after this
        if (failure.empty()) {
            console_.add(*this);
            console_.look(true);
            while (!ending_.load()) turn();
            console_.remove(*this);
            release_keys();
        }
        if (texture_) SDL_DestroyTexture(texture_);
        if (renderer_) SDL_DestroyRenderer(renderer_);
        if (window_) SDL_DestroyWindow(window_);
        SDL_QuitSubSystem(SDL_INIT_VIDEO);
    }

    // Empty: it is there.
    std::string open_window() {
        const auto failed = [] { return fmt::format("could not initialize SDL: {}", SDL_GetError()); };
        if (SDL_InitSubSystem(SDL_INIT_VIDEO)) return failed();
        const Uint32 flags = settings_.full_screen ? SDL_WINDOW_FULLSCREEN_DESKTOP : SDL_WINDOW_RESIZABLE;
        window_ = SDL_CreateWindow(settings_.title.c_str(), SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
                                   kFirstWidth, kFirstHeight, flags);
        if (window_) renderer_ = SDL_CreateRenderer(window_, -1, 0);
        if (!renderer_) return failed();
        if (settings_.full_screen) grab(true);
        return {};
    }

    void turn() {
        SDL_Event event;
        if (SDL_WaitEventTimeout(&event, static_cast<int>(kLookInterval.count()))) {
            do {
                handle(event);
            } while (SDL_PollEvent(&event));
        }
        take_updates();
        if (Clock::now() < next_look_) return;
        next_look_ = Clock::now() + kLookInterval;
        console_.look(false);
    }

    void take_updates() {
        std::deque<std::shared_ptr<const PictureUpdate>> updates;
        {
            std::lock_guard lock(mutex_);
            updates.swap(updates_);
        }
        bool changed = false;
        for (const auto& update : updates) changed = apply(*update) || changed;
        if (changed) show();
    }

    bool apply(const PictureUpdate& update) {
        if (update.width != width_ || update.height != height_) {
            const Rect whole{0, 0, update.width, update.height};
            if (std::ranges::find(update.parts, whole) == update.parts.end()) {
                console_.look(true);
                return false;
            }
            resize(update.width, update.height);
        }
        if (!texture_) return false;
        const uint32_t* pixels = update.pixels.data();
        for (const Rect& part : update.parts) {
            const SDL_Rect where{static_cast<int>(part.x), static_cast<int>(part.y), static_cast<int>(part.width),
                                 static_cast<int>(part.height)};
            SDL_UpdateTexture(texture_, &where, pixels, static_cast<int>(part.width * sizeof *pixels));
            pixels += size_t{part.width} * part.height;
        }
        return !update.parts.empty();
    }

    void resize(unsigned width, unsigned height) {
        width_ = width;
        height_ = height;
        if (texture_) SDL_DestroyTexture(texture_);
        texture_ = SDL_CreateTexture(renderer_, SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_STREAMING,
                                     static_cast<int>(width), static_cast<int>(height));
        if (!(SDL_GetWindowFlags(window_) & (SDL_WINDOW_FULLSCREEN_DESKTOP | SDL_WINDOW_MAXIMIZED)))
            SDL_SetWindowSize(window_, static_cast<int>(width), static_cast<int>(height));
        SDL_RenderSetLogicalSize(renderer_, static_cast<int>(width), static_cast<int>(height));
    }

    void show() {
        SDL_RenderClear(renderer_);
        if (texture_) SDL_RenderCopy(renderer_, texture_, nullptr, nullptr);
        SDL_RenderPresent(renderer_);
    }

    void handle(const SDL_Event& event) {
        switch (event.type) {
            case SDL_QUIT:
                if (settings_.close_quits) quit_();
                break;
            case SDL_WINDOWEVENT:
                if (event.window.event == SDL_WINDOWEVENT_FOCUS_LOST) {
                    grab(false);
                    release_keys();
                }
                if (event.window.event == SDL_WINDOWEVENT_EXPOSED) show();
                break;
            case SDL_KEYDOWN: key(event.key, true); break;
            case SDL_KEYUP: key(event.key, false); break;
            case SDL_MOUSEBUTTONDOWN:
                if (!grabbed_ && !console_.absolute()) {
                    grab(true);
                    break;
                }
                buttons_ |= button_of(event.button.button);
                moved(0, 0, 0, event.button.x, event.button.y);
                break;
            case SDL_MOUSEBUTTONUP:
                buttons_ &= ~button_of(event.button.button);
                moved(0, 0, 0, event.button.x, event.button.y);
                break;
            case SDL_MOUSEMOTION:
                moved(event.motion.xrel, event.motion.yrel, 0, event.motion.x, event.motion.y);
                break;
            case SDL_MOUSEWHEEL:
                moved(0, 0, -event.wheel.y, last_x_, last_y_);
                break;
            default: break;
        }
    }

    // Movement, or where the pointer is: in the picture's pixels, as the renderer scales it.
    void moved(int dx, int dy, int wheel, int x, int y) {
        last_x_ = x;
        last_y_ = y;
        if (console_.absolute())
            console_.point(x, y, width_, height_, wheel, buttons_);
        else if (grabbed_)
            console_.move(dx, dy, wheel, buttons_);
    }

    void key(const SDL_KeyboardEvent& event, bool down) {
        // Repetition is the guest's keyboard's business.
        if (event.repeat) return;
        const Key key = key_of_usage(event.keysym.scancode);
        if (key == Key::kNone) return;
        if (down && pressed_.contains(Key::kCtrl) && pressed_.contains(Key::kAlt)) {
            if (key == Key::kG) return grab(!grabbed_);
            if (key == Key::kF) return fill(!(SDL_GetWindowFlags(window_) & SDL_WINDOW_FULLSCREEN_DESKTOP));
        }
        if (down ? !pressed_.insert(key).second : !pressed_.erase(key)) return;
        console_.key(key, down);
    }

    void release_keys() {
        for (const Key key : pressed_) console_.key(key, false);
        pressed_.clear();
        if (std::exchange(buttons_, 0)) moved(0, 0, 0, last_x_, last_y_);
    }

    void grab(bool on) {
        grabbed_ = on;
        SDL_SetRelativeMouseMode(on ? SDL_TRUE : SDL_FALSE);
        SDL_SetWindowGrab(window_, on ? SDL_TRUE : SDL_FALSE);
        const std::string hint = on ? " - Press Ctrl-Alt-G to release the pointer" : "";
        SDL_SetWindowTitle(window_, (settings_.title + hint).c_str());
    }

    void fill(bool on) {
        SDL_SetWindowFullscreen(window_, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
        grab(on);
    }

    Console& console_;
    const Settings settings_;
    const std::function<void()> quit_;
    std::atomic<bool> ending_ = false;

    std::mutex mutex_;
    std::deque<std::shared_ptr<const PictureUpdate>> updates_;

    // The window's thread
    SDL_Window* window_ = nullptr;
    SDL_Renderer* renderer_ = nullptr;
    SDL_Texture* texture_ = nullptr;
    unsigned width_ = 0, height_ = 0;
    bool grabbed_ = false;
    int last_x_ = 0, last_y_ = 0;
    uint32_t buttons_ = 0;
    std::set<Key> pressed_;
    Clock::time_point next_look_{};

    std::thread thread_;
};

}  // namespace

bool SdlWindow::built_in() { return true; }

Result<std::unique_ptr<SdlWindow>> SdlWindow::open(Console& console, const Settings& settings,
                                                   std::function<void()> quit) {
    auto window = std::make_unique<Window>(console, settings, std::move(quit));
    if (const auto started = window->start(); !started) return started.error();
    return std::unique_ptr<SdlWindow>(std::move(window));
}

}  // namespace qr
